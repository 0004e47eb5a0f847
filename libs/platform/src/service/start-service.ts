import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Provider, Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Pool } from 'pg';
import { CatchingUpGuard, CaughtUp, type Concerns } from '../caught-up';
import { BadConfiguration, deriveKey, serviceConfig, type ServiceConfig } from '../config';
import { openEventLog, type EventLog } from '../event-log';
import { EventStore, type Publish } from '../event-store';
import { armFaultPoints } from '../fault-points';
import { createHttpApp, Metrics } from '../http';
import { TwinGate } from '../idempotency';
import { createLogger, type Logger } from '../logging';
import { Pages } from '../pagination';
import { isOutage, migrate, openPool } from '../postgres';
import type { Tenant } from '../caller';
import type { ProblemCatalogue } from '../problems';
import { BatchTransport, connectReactions, Inbox } from '../reactions';
import { askOnConnect, Epochs, Relay, RelayRepair } from '../relay';
import { ClaimGuard, ReleasedKeys } from '../released-keys';
import { Keyring } from '../sealing';
import { TenantDatabase } from '../tenancy';
import { testClockIdOf, TestClockGuard, type TestClocks } from '../test-clock';
import { giveBackMemory } from './give-back-memory';
import { Housekeeping } from './housekeeping';
import { Lag } from './lag';
import { Peers } from './peers';
import { PlatformModule } from './platform.module';
import { Published } from './published';
import { SavedPlaces } from './saved-places';
import { EVENT_LOG, LOGGER, SERVICE_CONFIG, WORKER_POOL } from './tokens';

export interface ServiceDefinition {
  readonly name: string;
  /** Lists everything the service is made of. */
  readonly module: Type;
  /** The services whose events it reacts to. */
  readonly sources: readonly string[];
  /** Every public topic; they are made when missing. */
  readonly topics: readonly string[];
  readonly publish: Publish;
  readonly catalogue: ProblemCatalogue;
  /** Absent where requests know no other time than the real one. */
  readonly testClocks?: TestClocks;
  /** The project of a resource that an address of this service can name; null for one that stands alone, undefined where there is no such resource. */
  readonly projectOf?: (database: TenantDatabase, tenant: Tenant, id: string) => Promise<string | null | undefined>;
}

export interface RunningService {
  readonly app: NestFastifyApplication;
  /** `http://127.0.0.1:port`, or the path of the socket. */
  readonly address: string;
  stop(): Promise<void>;
}

/** As many as keep two cores and one disk busy; a commit waits for the disk, and commits that wait together share the wait. */
const REQUEST_CONNECTIONS = 16;
const WORKER_CONNECTIONS = 7;
/** A graceful stop that takes longer is ended by the process. */
const STOP_MS = 8_000;

const migrationsOf = (service: string) => join(resolve(__dirname, '../../../..'), 'prisma', service, 'migrations');

/** Builds and starts a service; everything it consists of is made here, in order, and handed to Nest. */
export async function runService(definition: ServiceDefinition, config: ServiceConfig): Promise<RunningService> {
  const { name } = definition;
  const logger = createLogger({ name, level: config.logLevel });
  if (config.migrationDatabaseUrl !== null) {
    await migrate({ url: config.migrationDatabaseUrl, directory: migrationsOf(name), log: (message) => logger.info(message) });
  }
  const pool = openPool(config.databaseUrl, { max: REQUEST_CONNECTIONS, applicationName: name });
  askOnConnect(pool);
  const workers = openPool(config.workerDatabaseUrl, { max: WORKER_CONNECTIONS, applicationName: `${name} worker` });
  const log = await openEventLog({
    eventLog: config.eventLog,
    ...(config.logDatabaseUrl !== null && { logDatabaseUrl: config.logDatabaseUrl }),
    kafkaBrokers: config.kafkaBrokers,
    clientId: name,
    reports: logger,
  });
  await log.ensureTopics(definition.topics);
  const metrics = new Metrics(name);
  const peers = new Peers(config);
  const relay = new Relay({ databaseUrl: config.workerDatabaseUrl, pool: workers, service: name, log, logger, registry: metrics.registry });
  const repair = new RelayRepair({
    pool: workers,
    unknownEvents: (ids) => peers.unknownEvents(ids),
    poke: relay.poke,
    registry: metrics.registry,
    logger,
  });
  const epochs = new Epochs(workers);
  const database = new TenantDatabase(pool);
  const transport = new BatchTransport({ log, group: `works.${name}`, isOutage, handled: () => caughtUp.heard() });
  const caughtUp = new CaughtUp({
    service: name,
    sources: definition.sources,
    facts: (source, caller, question) => peers.facts(source, caller, transport.topics, question),
    progress: (source) => peers.progress(source),
    handle: (messages) => transport.handleFetched(messages),
    allHandled: () => transport.subscription.caughtUp(),
    isKnown: async (position) => (await epochs.standing(position)) !== null,
    saved: new SavedPlaces(workers),
  });
  // A new connection may lead to another server: one that a failover has promoted, and that need not have all that was handled.
  epochs.onAnother(() => {
    transport.forget();
    caughtUp.forget();
  });
  const providers = providersOf({
    definition,
    config,
    logger,
    pool,
    database,
    workers,
    log,
    metrics,
    peers,
    relay,
    repair,
    epochs,
    caughtUp,
    transport,
  });
  const housekeeping = new Housekeeping(workers, logger);

  const app = await createHttpApp({
    module: { module: definition.module, imports: [PlatformModule.of(providers)] },
    catalogue: definition.catalogue,
    secret: config.secret,
    logger,
    metrics,
    ready: { database: () => pool.query('select 1'), reactions: async () => void (transport.topics.length > 0 && transport.subscription) },
  });
  app.useGlobalGuards(new ClaimGuard(app.get(ReleasedKeys)), new CatchingUpGuard(caughtUp, concernsOf(definition, database)));
  if (definition.testClocks) app.useGlobalGuards(new TestClockGuard(definition.testClocks, database, caughtUp));
  connectReactions(app, transport);
  await app.startAllMicroservices();
  await caughtUp.start();
  // A restore or a failover shows before anything is answered with a position.
  await epochs.present();
  relay.start();
  repair.start();
  housekeeping.start();
  const address = await listen(app, config);
  logger.info({ address }, 'ready');

  return {
    app,
    address,
    stop: async () => {
      await app.close();
      caughtUp.stop();
      housekeeping.stop();
      await repair.stop();
      await relay.stop();
      await Promise.all([log.close(), peers.close(), pool.end(), workers.end()]);
      logger.info('stopped');
    },
  };
}

/** The `main` of a service: reads the environment, runs, and stops on SIGTERM, Ctrl-C, or when the process that started it is gone. */
export async function startService(definition: ServiceDefinition, env: NodeJS.ProcessEnv): Promise<void> {
  armFaultPoints(env['WORKS_FAULT_POINTS'], definition.name);
  let service: RunningService;
  try {
    service = await runService(definition, serviceConfig(env));
  } catch (error) {
    const reason = error instanceof BadConfiguration ? error.message : (error as Error).stack;
    process.stderr.write(`${definition.name} cannot start. ${reason}\n`);
    process.exit(1);
  }
  stopWhenAsked(() => service.stop());
  giveBackMemory();
  process.send?.({ ready: definition.name });
}

/** Calls `stop` once, for the first of: SIGTERM, SIGINT, the parent's end of the IPC channel. */
export function stopWhenAsked(stop: () => Promise<void>): void {
  let stopping = false;
  const end = () => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), STOP_MS).unref();
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  process.once('disconnect', end);
}

/** A clock that others move is news that every request of test mode depends on. */
function concernsOf({ projectOf, testClocks }: ServiceDefinition, database: TenantDatabase): Concerns {
  return {
    ...(projectOf && { projectOf: (tenant, id) => projectOf(database, tenant, id) }),
    always: (tenant) => (testClocks?.heardFrom == null || tenant.livemode ? [] : [testClockIdOf(tenant)]),
  };
}

async function listen(app: NestFastifyApplication, { listen: on, host }: ServiceConfig): Promise<string> {
  if ('port' in on) {
    await app.listen(on.port, host);
    return app.getUrl();
  }
  // A socket that a killed process left behind would refuse the new one.
  await rm(on.path, { force: true });
  await app.listen(on.path);
  return on.path;
}

interface Parts {
  definition: ServiceDefinition;
  config: ServiceConfig;
  logger: Logger;
  pool: Pool;
  database: TenantDatabase;
  workers: Pool;
  log: EventLog;
  metrics: Metrics;
  peers: Peers;
  relay: Relay;
  repair: RelayRepair;
  epochs: Epochs;
  caughtUp: CaughtUp;
  transport: BatchTransport;
}

function providersOf({
  definition,
  config,
  logger,
  pool,
  database,
  workers,
  log,
  metrics,
  peers,
  relay,
  repair,
  epochs,
  caughtUp,
  transport,
}: Parts): Provider[] {
  const twins = new TwinGate();
  const keyring = new Keyring(config.secretsKeys ?? [config.secret]);
  const store = new EventStore({
    pool,
    service: definition.name,
    publish: definition.publish,
    valueBytesMax: log.valueBytesMax,
    catalogue: definition.catalogue,
    committed: relay.poke,
    keyring,
    twins,
  });
  return [
    { provide: EventStore, useValue: store },
    { provide: TenantDatabase, useValue: database },
    { provide: Keyring, useValue: keyring },
    { provide: ReleasedKeys, useValue: new ReleasedKeys(database, twins) },
    { provide: Inbox, useValue: new Inbox(database) },
    { provide: CaughtUp, useValue: caughtUp },
    { provide: Peers, useValue: peers },
    { provide: Pages, useValue: new Pages(deriveKey(config.secret, 'cursor')) },
    { provide: Published, useValue: new Published({ pool: workers, relay, repair, epochs, service: definition.name, database }) },
    { provide: Lag, useValue: new Lag(transport) },
    { provide: Metrics, useValue: metrics },
    { provide: WORKER_POOL, useValue: workers },
    { provide: EVENT_LOG, useValue: log },
    { provide: LOGGER, useValue: logger },
    { provide: SERVICE_CONFIG, useValue: config },
  ];
}
