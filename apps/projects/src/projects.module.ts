import { Module } from '@nestjs/common';
import { EVENT_TYPES } from '@works/contracts/events';
import { PROBLEMS } from '@works/contracts/problems';
import type { ServiceDefinition } from '@works/platform/service';
import { CloseProject } from './commands/close-project';
import { CreateProject } from './commands/create-project';
import { ReachMilestone } from './commands/reach-milestone';
import { publish } from './publications';
import { TrackProgressWhenTasksChange } from './reactions/track-progress-when-tasks-change';
import { Milestones } from './read-models/milestones';
import { Projects } from './read-models/projects';
import { Standing } from './read-models/standing';

const commands = [CreateProject, CloseProject, ReachMilestone];
const reads = [Projects, Milestones];
const reactions = [TrackProgressWhenTasksChange];

export const controllers = [...commands, ...reads, ...reactions];

/** All that the service is made of, beside the platform's own parts. */
@Module({ controllers, providers: [Standing] })
export class ProjectsModule {}

export const projectsService: ServiceDefinition = {
  name: 'projects',
  module: ProjectsModule,
  sources: ['tasks'],
  topics: EVENT_TYPES,
  publish,
  catalogue: PROBLEMS,
};
