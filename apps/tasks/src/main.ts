import { startService } from '@works/platform/service';
import { tasksService } from './tasks.module';

void startService(tasksService, process.env);
