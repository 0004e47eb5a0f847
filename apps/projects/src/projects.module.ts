import { Module } from '@nestjs/common';
import { EVENT_TYPES } from '@works/contracts/events';
import { PROBLEMS } from '@works/contracts/problems';
import type { ServiceDefinition } from '@works/platform/service';
import { CloseProject } from './commands/close-project';
import { CreateProject } from './commands/create-project';
import { CreateTemplate } from './commands/create-template';
import { PublishTemplateVersion } from './commands/publish-template-version';
import { ReachMilestone } from './commands/reach-milestone';
import { publish } from './publications';
import { TrackProgressWhenTasksChange } from './reactions/track-progress-when-tasks-change';
import { FindProject } from './read-models/find-project';
import { FindTemplate } from './read-models/find-template';
import { MilestoneStatus } from './read-models/milestone-status';
import { MilestonesOfProject } from './read-models/milestones-of-project';
import { OpenWork } from './read-models/open-work';
import { ListProjects } from './read-models/project-list';
import { ProjectReferences } from './read-models/project-references';
import { ListTemplates } from './read-models/template-list';
import { Templates } from './templates/templates';

const commands = [CreateProject, CloseProject, ReachMilestone, CreateTemplate, PublishTemplateVersion];
const reads = [ListProjects, FindProject, MilestoneStatus, ListTemplates, FindTemplate];
const reactions = [TrackProgressWhenTasksChange];

export const controllers = [...commands, ...reads, ...reactions];

/** All that the service is made of, beside the platform's own parts. */
@Module({ controllers, providers: [OpenWork, MilestonesOfProject, ProjectReferences, Templates] })
export class ProjectsModule {}

export const projectsService: ServiceDefinition = {
  name: 'projects',
  module: ProjectsModule,
  sources: ['tasks'],
  topics: EVENT_TYPES,
  publish,
  catalogue: PROBLEMS,
};
