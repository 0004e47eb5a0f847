import { startService } from '@works/platform/service';
import { webhooksService } from './webhooks.module';

void startService(webhooksService, process.env);
