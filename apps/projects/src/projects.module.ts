import { Module } from '@nestjs/common';
import { EVENT_TYPES } from '@works/contracts/events';
import { PROBLEMS } from '@works/contracts/problems';
import type { ServiceDefinition } from '@works/platform/service';
import { AddMilestone } from './commands/add-milestone';
import { CloseProject } from './commands/close-project';
import { CreateProject } from './commands/create-project';
import { CreateTemplate } from './commands/create-template';
import { PublishTemplateVersion } from './commands/publish-template-version';
import { ReachMilestone } from './commands/reach-milestone';
import { ReopenMilestone } from './commands/reopen-milestone';
import { ReopenProject } from './commands/reopen-project';
import { UpdateMilestone } from './commands/update-milestone';
import { UpdateProject } from './commands/update-project';
import { publish } from './publications';
import { SetClockWhenTestClockAdvanced } from './reactions/set-clock-when-test-clock-advanced';
import { TrackProgressWhenTasksChange } from './reactions/track-progress-when-tasks-change';
import { FindMilestone } from './read-models/find-milestone';
import { FindProject } from './read-models/find-project';
import { FindTemplate } from './read-models/find-template';
import { MilestoneStatus } from './read-models/milestone-status';
import { MilestonesOfProject } from './read-models/milestones-of-project';
import { OpenWork } from './read-models/open-work';
import { ListProjects } from './read-models/project-list';
import { ProjectReferences } from './read-models/project-references';
import { ProjectThen } from './read-models/project-then';
import { TasksOfProject } from './read-models/tasks-of-project';
import { ListTemplates } from './read-models/template-list';
import { Templates } from './templates/templates';
import { testClocks } from './test-clock';

const commands = [
  CreateProject,
  UpdateProject,
  CloseProject,
  ReopenProject,
  AddMilestone,
  UpdateMilestone,
  ReachMilestone,
  ReopenMilestone,
  CreateTemplate,
  PublishTemplateVersion,
];
const reads = [ListProjects, FindProject, MilestoneStatus, FindMilestone, ListTemplates, FindTemplate];
const reactions = [TrackProgressWhenTasksChange, SetClockWhenTestClockAdvanced];

export const controllers = [...commands, ...reads, ...reactions];

/** All that the service is made of, beside the platform's own parts. */
@Module({ controllers, providers: [OpenWork, MilestonesOfProject, TasksOfProject, ProjectThen, ProjectReferences, Templates] })
export class ProjectsModule {}

export const projectsService: ServiceDefinition = {
  name: 'projects',
  module: ProjectsModule,
  sources: ['tasks'],
  topics: EVENT_TYPES,
  publish,
  catalogue: PROBLEMS,
  testClocks,
};
