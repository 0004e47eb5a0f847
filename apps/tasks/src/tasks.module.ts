import { projectOfTask } from './project-of-task';
import { Module } from '@nestjs/common';
import { DOMAIN_EVENT_TYPES } from '@works/contracts/events';
import { PROBLEMS } from '@works/contracts/problems';
import type { ServiceDefinition } from '@works/platform/service';
import { AdvanceTestClock } from './commands/advance-test-clock';
import { AssignTask } from './commands/assign-task';
import { BatchTasks } from './commands/batch-tasks';
import { CancelTask } from './commands/cancel-task';
import { CommentOnTask } from './commands/comment-on-task';
import { CompleteTask } from './commands/complete-task';
import { CreateTask } from './commands/create-task';
import { ReopenTask } from './commands/reopen-task';
import { UpdateTask } from './commands/update-task';
import { OverdueScan } from './overdue/overdue-scan';
import { publish } from './publications';
import { CancelTasksWhenProjectClosed } from './reactions/cancel-tasks-when-project-closed';
import { RememberMilestoneWhenAdded } from './reactions/remember-milestone-when-added';
import { ScaffoldTasksWhenProjectCreated } from './reactions/scaffold-tasks-when-project-created';
import { TakeTasksAgainWhenProjectReopened } from './reactions/take-tasks-again-when-project-reopened';
import { FindTask } from './read-models/find-task';
import { FindTestClock } from './read-models/find-test-clock';
import { FindQueue } from './read-models/queue';
import { ListQueueGroup } from './read-models/queue-group';
import { ListTaskComments } from './read-models/task-comments';
import { ListTasks } from './read-models/task-list';
import { TasksAround } from './surroundings';
import { ownTestClocks } from './test-clock';

const commands = [CreateTask, UpdateTask, AssignTask, CompleteTask, ReopenTask, CancelTask, CommentOnTask, BatchTasks, AdvanceTestClock];
const reads = [FindTask, ListTasks, ListTaskComments, FindQueue, ListQueueGroup, FindTestClock];
const reactions = [
  ScaffoldTasksWhenProjectCreated,
  CancelTasksWhenProjectClosed,
  TakeTasksAgainWhenProjectReopened,
  RememberMilestoneWhenAdded,
];

export const controllers = [...commands, ...reads, ...reactions];

/** All that the service is made of, beside the platform's own parts. */
@Module({ controllers, providers: [TasksAround, OverdueScan] })
export class TasksModule {}

export const tasksService: ServiceDefinition = {
  name: 'tasks',
  module: TasksModule,
  sources: ['projects'],
  topics: DOMAIN_EVENT_TYPES,
  publish,
  catalogue: PROBLEMS,
  testClocks: ownTestClocks,
  projectOf: projectOfTask,
};
