import { rebuildService } from '@works/platform/rebuild';
import { tasks } from './aggregate';
import { testClocks } from './test-clock';

void rebuildService({ tsk: tasks, clk: testClocks }, process.env, process.argv.slice(2));
