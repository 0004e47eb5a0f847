import { Module } from '@nestjs/common';
import { EVENT_TYPES } from '@works/contracts/events';
import { PROBLEMS } from '@works/contracts/problems';
import type { ServiceDefinition } from '@works/platform/service';
import { AssignTask } from './commands/assign-task';
import { CompleteTask } from './commands/complete-task';
import { CreateTask } from './commands/create-task';
import { publish } from './publications';
import { CancelTasksWhenProjectClosed } from './reactions/cancel-tasks-when-project-closed';
import { RememberMilestoneWhenAdded } from './reactions/remember-milestone-when-added';
import { ScaffoldTasksWhenProjectCreated } from './reactions/scaffold-tasks-when-project-created';
import { TakeTasksAgainWhenProjectReopened } from './reactions/take-tasks-again-when-project-reopened';
import { FindTask } from './read-models/find-task';
import { OpenDependencies } from './read-models/open-dependencies';
import { FindQueue } from './read-models/queue';
import { References } from './read-models/references';
import { ListTasks } from './read-models/task-list';

const commands = [CreateTask, AssignTask, CompleteTask];
const reads = [FindTask, ListTasks, FindQueue];
const reactions = [
  ScaffoldTasksWhenProjectCreated,
  CancelTasksWhenProjectClosed,
  TakeTasksAgainWhenProjectReopened,
  RememberMilestoneWhenAdded,
];

export const controllers = [...commands, ...reads, ...reactions];

/** All that the service is made of, beside the platform's own parts. */
@Module({ controllers, providers: [References, OpenDependencies] })
export class TasksModule {}

export const tasksService: ServiceDefinition = {
  name: 'tasks',
  module: TasksModule,
  sources: ['projects'],
  topics: EVENT_TYPES,
  publish,
  catalogue: PROBLEMS,
};
