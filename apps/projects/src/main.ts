import { startService } from '@works/platform/service';
import { projectsService } from './projects.module';

void startService(projectsService, process.env);
