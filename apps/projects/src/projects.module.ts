import { Module } from '@nestjs/common';
import { EVENT_TYPES } from '@works/contracts/events';
import { PROBLEMS } from '@works/contracts/problems';
import type { ServiceDefinition } from '@works/platform/service';
import { AddMilestone } from './commands/add-milestone';
import { CloseProject } from './commands/close-project';
import { CreateProject } from './commands/create-project';
import { ReachMilestone } from './commands/reach-milestone';
import { ReopenMilestone } from './commands/reopen-milestone';
import { ReopenProject } from './commands/reopen-project';
import { UpdateMilestone } from './commands/update-milestone';
import { UpdateProject } from './commands/update-project';
import { publish } from './publications';
import { TrackProgressWhenTasksChange } from './reactions/track-progress-when-tasks-change';
import { FindMilestone } from './read-models/find-milestone';
import { FindProject } from './read-models/find-project';
import { MilestoneStatus } from './read-models/milestone-status';
import { MilestonesOfProject } from './read-models/milestones-of-project';
import { OpenWork } from './read-models/open-work';
import { ListProjects } from './read-models/project-list';
import { ProjectReferences } from './read-models/project-references';
import { ProjectThen } from './read-models/project-then';
import { TasksOfProject } from './read-models/tasks-of-project';

const commands = [
  CreateProject,
  UpdateProject,
  CloseProject,
  ReopenProject,
  AddMilestone,
  UpdateMilestone,
  ReachMilestone,
  ReopenMilestone,
];
const reads = [ListProjects, FindProject, MilestoneStatus, FindMilestone];
const reactions = [TrackProgressWhenTasksChange];

export const controllers = [...commands, ...reads, ...reactions];

/** All that the service is made of, beside the platform's own parts. */
@Module({ controllers, providers: [OpenWork, MilestonesOfProject, TasksOfProject, ProjectThen, ProjectReferences] })
export class ProjectsModule {}

export const projectsService: ServiceDefinition = {
  name: 'projects',
  module: ProjectsModule,
  sources: ['tasks'],
  topics: EVENT_TYPES,
  publish,
  catalogue: PROBLEMS,
};
