import { projectOfMilestone } from './project-of-milestone';
import { Injectable, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Pool } from 'pg';
import { DOMAIN_EVENT_TYPES } from '@works/contracts/events';
import { PROBLEMS } from '@works/contracts/problems';
import type { ServiceConfig } from '@works/platform/config';
import { EventStore } from '@works/platform/event-store';
import { Metrics } from '@works/platform/http';
import type { Logger } from '@works/platform/logging';
import { LOGGER, SERVICE_CONFIG, WORKER_POOL, type ServiceDefinition } from '@works/platform/service';
import { TenantDatabase } from '@works/platform/tenancy';
import { AddMilestone } from './commands/add-milestone';
import { CloseProject } from './commands/close-project';
import { CreateProject } from './commands/create-project';
import { CreateTemplate } from './commands/create-template';
import { PublishTemplateVersion } from './commands/publish-template-version';
import { ReachMilestone } from './commands/reach-milestone';
import { ReopenMilestone } from './commands/reopen-milestone';
import { ReopenProject } from './commands/reopen-project';
import { RetryInvoice } from './commands/retry-invoice';
import { UpdateMilestone } from './commands/update-milestone';
import { UpdateProject } from './commands/update-project';
import { Billing } from './invoices/billing';
import { InvoiceDrafter } from './invoices/invoice-drafter';
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
  RetryInvoice,
  CreateTemplate,
  PublishTemplateVersion,
];
const reads = [ListProjects, FindProject, MilestoneStatus, FindMilestone, ListTemplates, FindTemplate];
const reactions = [TrackProgressWhenTasksChange, SetClockWhenTestClockAdvanced];

export const controllers = [...commands, ...reads, ...reactions];

/** Starts drafting once everything stands, and stops it before the database goes. */
@Injectable()
class DrafterLife implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(private readonly drafter: InvoiceDrafter) {}

  onApplicationBootstrap(): void {
    this.drafter.start();
  }

  onApplicationShutdown(): Promise<void> {
    return this.drafter.stop();
  }
}

const drafter = {
  provide: InvoiceDrafter,
  inject: [SERVICE_CONFIG, WORKER_POOL, TenantDatabase, EventStore, Metrics, LOGGER],
  useFactory: (
    { billingUrl: url, billingKey: live, billingTestKey: test }: ServiceConfig,
    workers: Pool,
    database: TenantDatabase,
    store: EventStore,
    { registry }: Metrics,
    logger: Logger,
  ) => {
    const billing = url === null || live === null ? null : new Billing({ url, keys: { live, test } });
    return new InvoiceDrafter({ billing, workers, database, store, registry, logger });
  },
};

/** All that the service is made of, beside the platform's own parts. */
@Module({
  controllers,
  providers: [drafter, DrafterLife, OpenWork, MilestonesOfProject, TasksOfProject, ProjectThen, ProjectReferences, Templates],
})
export class ProjectsModule {}

export const projectsService: ServiceDefinition = {
  name: 'projects',
  module: ProjectsModule,
  sources: ['tasks'],
  topics: DOMAIN_EVENT_TYPES,
  publish,
  catalogue: PROBLEMS,
  testClocks,
  projectOf: projectOfMilestone,
};
