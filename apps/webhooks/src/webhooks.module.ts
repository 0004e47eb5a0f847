import {
  Inject,
  Injectable,
  Module,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Pool } from 'pg';
import { DOMAIN_EVENT_TYPES } from '@works/contracts/events';
import { PROBLEMS } from '@works/contracts/problems';
import type { ServiceConfig } from '@works/platform/config';
import { Metrics } from '@works/platform/http';
import type { Logger } from '@works/platform/logging';
import { Keyring } from '@works/platform/sealing';
import { Lag, LOGGER, Peers, SERVICE_CONFIG, WORKER_POOL, type ServiceDefinition } from '@works/platform/service';
import { CancelReplay } from './commands/cancel-replay';
import { CreateWebhookEndpoint } from './commands/create-webhook-endpoint';
import { DeleteWebhookEndpoint } from './commands/delete-webhook-endpoint';
import { DisableWebhookEndpoint } from './commands/disable-webhook-endpoint';
import { EnableWebhookEndpoint } from './commands/enable-webhook-endpoint';
import { PauseReplay } from './commands/pause-replay';
import { ReplayDeadLetters } from './commands/replay-dead-letters';
import { ReplayDelivery } from './commands/replay-delivery';
import { ReplayEndpointEvents } from './commands/replay-endpoint-events';
import { ResumeReplay } from './commands/resume-replay';
import { RotateWebhookSecret } from './commands/rotate-webhook-secret';
import { SendTestEvent } from './commands/send-test-event';
import { TestWebhookEndpoint } from './commands/test-webhook-endpoint';
import { UpdateWebhookEndpoint } from './commands/update-webhook-endpoint';
import { DeliveryEngine } from './delivery/delivery-engine';
import { EarlyEvents } from './delivery/early-events';
import { Hastening } from './delivery/hastening';
import { KeptSecrets } from './delivery/kept-secrets';
import { DeliveryMetrics } from './delivery/delivery-metrics';
import { Reconciler } from './delivery/reconciler';
import { ReplayRunner } from './delivery/replay-runner';
import { Retention } from './delivery/retention';
import { Sender } from './delivery/sender';
import { SequenceWatch } from './delivery/sequence-watch';
import { EndpointChanges } from './endpoint-changes';
import { FanOutWhenAnythingHappens } from './reactions/fan-out-when-anything-happens';
import { DeadLetters } from './read-models/dead-letters';
import { Deliveries } from './read-models/deliveries';
import { EndpointEvents } from './read-models/endpoint-events';
import { Events } from './read-models/events';
import { Replays } from './read-models/replays';
import { Timeline } from './read-models/timeline';
import { UnknownEvents } from './read-models/unknown-events';
import { WebhookEndpoints } from './read-models/webhook-endpoints';
import { ReplayJobs } from './replay-jobs';

const commands = [
  CreateWebhookEndpoint,
  UpdateWebhookEndpoint,
  EnableWebhookEndpoint,
  DisableWebhookEndpoint,
  RotateWebhookSecret,
  TestWebhookEndpoint,
  SendTestEvent,
  DeleteWebhookEndpoint,
  ReplayDelivery,
  ReplayDeadLetters,
  ReplayEndpointEvents,
  PauseReplay,
  ResumeReplay,
  CancelReplay,
];
const reads = [WebhookEndpoints, Deliveries, DeadLetters, EndpointEvents, Replays, Events, Timeline, UnknownEvents];
const reactions = [FanOutWhenAnythingHappens];

export const controllers = [...commands, ...reads, ...reactions];

/** The services whose facts become events here. */
const SOURCES = ['projects', 'tasks'];

/** Starts the engine once everything stands, and stops it before the database goes. Who waits is answered before the door closes. */
@Injectable()
class EngineLife implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(
    private readonly engine: DeliveryEngine,
    private readonly runner: ReplayRunner,
    private readonly watch: SequenceWatch,
    private readonly reconciler: Reconciler,
    private readonly retention: Retention,
    private readonly early: EarlyEvents,
  ) {}

  onApplicationBootstrap(): void {
    this.engine.start();
    this.runner.start();
    this.reconciler.start();
    this.retention.start();
    this.early.start();
  }

  beforeApplicationShutdown(): void {
    this.watch.end();
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.early.stop(), this.retention.stop(), this.reconciler.stop(), this.runner.stop()]);
    await this.engine.stop();
  }
}

/** Sealing what is not yet sealed is no reason to start later; what fails is tried again at the next start. */
@Injectable()
class SecretsLife implements OnApplicationBootstrap, OnApplicationShutdown {
  private sealing: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly secrets: KeptSecrets,
    @Inject(WORKER_POOL) private readonly pool: Pool,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.sealing = this.secrets
      .sealAll(this.pool)
      .catch((error: unknown) => this.logger.warn({ err: error }, 'sealing the signing secrets anew failed; the next start tries again'));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.sealing;
  }
}

const secrets = {
  provide: KeptSecrets,
  inject: [Keyring, LOGGER],
  useFactory: (keyring: Keyring, logger: Logger) => new KeptSecrets(keyring, logger),
};

/** As the retention keeps them. */
const eventsKeptMs = ({ retentionDays, eventRetentionDays }: ServiceConfig): number =>
  Math.max(retentionDays, eventRetentionDays) * 86_400_000;

function metricsOf({ registry }: Metrics, pool: Pool): DeliveryMetrics {
  const metrics = new DeliveryMetrics(registry);
  metrics.watchBacklog(pool, registry);
  metrics.watchHeldBack(pool, registry);
  return metrics;
}

const watch = { provide: SequenceWatch, inject: [WORKER_POOL], useFactory: (pool: Pool) => new SequenceWatch(pool) };

const engine = {
  provide: DeliveryEngine,
  inject: [WORKER_POOL, SERVICE_CONFIG, Metrics, LOGGER, KeptSecrets, SequenceWatch],
  useFactory: (pool: Pool, config: ServiceConfig, metrics: Metrics, logger: Logger, kept: KeptSecrets, sequences: SequenceWatch) =>
    new DeliveryEngine({
      pool,
      sender: new Sender({ allowPrivateAddresses: config.allowPrivateAddresses }),
      secrets: kept,
      metrics: metricsOf(metrics, pool),
      logger,
      eventsKeptMs: eventsKeptMs(config),
      organizationMax: config.organizationInFlightMax,
      patienceSeconds: config.disableAfterHours * 3_600,
      numbered: (endpointIds) => sequences.note(endpointIds),
    }),
};

const early = {
  provide: EarlyEvents,
  inject: [WORKER_POOL, DeliveryEngine, Peers, Lag, SERVICE_CONFIG, LOGGER],
  useFactory: (pool: Pool, sender: DeliveryEngine, peers: Peers, lag: Lag, config: ServiceConfig, logger: Logger) =>
    new EarlyEvents({ pool, engine: sender, peers, lag, sources: SOURCES, eventsKeptMs: eventsKeptMs(config), logger }),
};

const replays = {
  provide: ReplayRunner,
  inject: [WORKER_POOL, LOGGER, DeliveryEngine, SequenceWatch],
  useFactory: (pool: Pool, logger: Logger, sender: DeliveryEngine, sequences: SequenceWatch) =>
    new ReplayRunner({
      pool,
      logger,
      made: (endpointIds) => {
        sequences.note(endpointIds);
        sender.wakeForReplays();
      },
    }),
};

const reconciler = {
  provide: Reconciler,
  inject: [WORKER_POOL, Peers, Lag, SERVICE_CONFIG, Metrics, LOGGER],
  useFactory: (pool: Pool, peers: Peers, lag: Lag, { eventRetentionDays }: ServiceConfig, metrics: Metrics, logger: Logger) =>
    new Reconciler({ pool, peers, lag, sources: SOURCES, eventRetentionDays, registry: metrics.registry, logger }),
};

const retention = {
  provide: Retention,
  inject: [WORKER_POOL, SERVICE_CONFIG, Metrics, LOGGER],
  useFactory: (pool: Pool, { retentionDays, eventRetentionDays }: ServiceConfig, { registry }: Metrics, logger: Logger) =>
    new Retention({ pool, retentionDays, eventRetentionDays, registry, logger }),
};

/** All that the service is made of, beside the platform's own parts. */
@Module({
  controllers,
  providers: [
    secrets,
    SecretsLife,
    watch,
    engine,
    early,
    replays,
    reconciler,
    retention,
    EngineLife,
    EndpointChanges,
    ReplayJobs,
    Hastening,
  ],
})
export class WebhooksModule {}

export const webhooksService: ServiceDefinition = {
  name: 'webhooks',
  module: WebhooksModule,
  sources: SOURCES,
  topics: DOMAIN_EVENT_TYPES,
  // Nothing here happens to a resource that others know; endpoints are configuration.
  publish: () => null,
  catalogue: PROBLEMS,
};
