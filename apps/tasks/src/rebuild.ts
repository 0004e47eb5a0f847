import { rebuildService } from '@works/platform/rebuild';
import { tasks } from './aggregate';

void rebuildService({ tsk: tasks }, process.env, process.argv.slice(2));
