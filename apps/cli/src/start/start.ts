import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { migrate, provision, type DatabaseName, type EmbeddedServer } from '@works/platform/postgres';
import { claim } from '../claim';
import { Home, root } from '../home';
import { createOrganization, withGatewayDatabase } from '../organizations';
import { KeptPostgres } from './kept-postgres';
import { refuseTakenPort } from './port';
import { Progress } from './progress';
import { ServiceProcess, type ServiceName } from './service-process';
import { whatToPaste } from './what-to-paste';

export interface StartOptions {
  readonly port: number;
  readonly kafka: boolean;
}

interface Broker {
  readonly brokers: string;
  readonly pid: number;
  stop(): Promise<void>;
  restart(): Promise<void>;
}

const SERVICES: readonly ServiceName[] = ['projects', 'tasks', 'webhooks', 'gateway'];
const LOOK_EVERY_MS = 250;

/** The whole product on this machine: starts it, keeps it running, and stops it when asked. */
export async function start({ port, kafka }: StartOptions): Promise<void> {
  const home = Home.here();
  const release = claim(home);
  await refuseTakenPort(port).catch((error: Error) => {
    release();
    throw error;
  });
  const progress = new Progress();
  const stops: (() => Promise<void>)[] = [];
  const stopAll = async () => {
    for (const stop of stops.splice(0).reverse()) await stop().catch((error: Error) => progress.say(error.message));
    release();
  };
  stopWhenAsked(stopAll, progress);

  try {
    // What is damaged is said before anything is made beside it.
    home.secrets();
    home.dev();
    const postgres = await progress.step('PostgreSQL', () => KeptPostgres.start(home.postgres, (line) => progress.say(line)));
    stops.push(() => postgres.stop());
    await progress.step('Databases', () => prepareDatabases(home, postgres.server));
    // Before the door opens: whoever finds it open finds the keys as well.
    await progress.step('Demo organization', () => ensureDemo(home, postgres.server, `http://127.0.0.1:${port}/works/v1`));
    const brokers = kafka ? await progress.step('Apache Kafka', () => startKafka(home, progress, stops)) : '';
    const services = SERVICES.map(
      (name) =>
        new ServiceProcess({
          name,
          environment: environmentOf(name, { home, server: postgres.server, port, brokers }),
          logFile: home.logFile(name),
          say: (line) => progress.say(line),
        }),
    );
    stops.push(() => Promise.all(services.map((service) => service.stop())).then(() => undefined));
    await progress.step('Services', () => Promise.all(services.map((service) => service.start())));
    progress.done(whatToPaste(home.dev()!, { kafka, home: home.path }));
  } catch (error) {
    progress.failed(error as Error);
    await stopAll();
    process.exit(1);
  }
}

async function prepareDatabases(home: Home, server: EmbeddedServer): Promise<void> {
  await provision({ superuserUrl: server.url, passwords: home.secrets().passwords });
  for (const database of ['log', 'gateway'] as const) {
    await migrate({ url: home.databaseUrl(server, database, 'owner'), directory: join(root, 'prisma', database, 'migrations') });
  }
}

/** KAFKA_BROKERS names brokers that somebody else runs; without it one is fetched, started and kept here. */
async function startKafka(home: Home, progress: Progress, stops: (() => Promise<void>)[]): Promise<string> {
  const given = process.env['KAFKA_BROKERS'];
  if (given) return given;
  const { startBroker } = (await import(pathToFileURL(join(root, 'deploy/kafka/broker.mjs')).href)) as {
    startBroker(options: { directory: string; log(line: string): void }): Promise<Broker>;
  };
  const broker = await startBroker({ directory: home.kafka, log: (line) => progress.say(line) });
  let stopping = false;
  const watching = keepAlive(broker, progress, () => stopping);
  stops.push(async () => {
    stopping = true;
    await watching;
    await broker.stop();
  });
  return broker.brokers;
}

async function keepAlive(broker: Broker, progress: Progress, stopping: () => boolean): Promise<void> {
  while (!stopping()) {
    await delay(LOOK_EVERY_MS);
    if (stopping() || isAlive(broker.pid)) continue;
    progress.say('Apache Kafka ended, starting it again');
    await broker.restart().catch((error: Error) => progress.say(error.message));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function environmentOf(
  name: ServiceName,
  { home, server, port, brokers }: { home: Home; server: EmbeddedServer; port: number; brokers: string },
): Record<string, string> {
  const database = name as DatabaseName;
  return {
    ...(name === 'gateway' ? { PORT: String(port) } : { LISTEN: home.socket(name) }),
    NODE_ENV: 'production',
    DATABASE_URL: home.databaseUrl(server, database, 'app'),
    WORKER_DATABASE_URL: home.databaseUrl(server, database, 'worker'),
    MIGRATION_DATABASE_URL: home.databaseUrl(server, database, 'owner'),
    EVENT_LOG: brokers === '' ? 'embedded' : 'kafka',
    LOG_DATABASE_URL: home.databaseUrl(server, 'log', 'app'),
    ...(brokers !== '' && { KAFKA_BROKERS: brokers }),
    WORKS_SECRET: home.secrets().worksSecret,
    PROJECTS_URL: `unix:${home.socket('projects')}`,
    TASKS_URL: `unix:${home.socket('tasks')}`,
    WEBHOOKS_URL: `unix:${home.socket('webhooks')}`,
    // For development: receivers on this machine are what a newcomer has, unless they say otherwise.
    WEBHOOKS_ALLOW_PRIVATE_ADDRESSES: process.env['WEBHOOKS_ALLOW_PRIVATE_ADDRESSES'] ?? 'true',
  };
}

async function ensureDemo(home: Home, server: EmbeddedServer, url: string): Promise<void> {
  const before = home.dev();
  const organizations =
    before?.organizations ??
    (await withGatewayDatabase(home.databaseUrl(server, 'gateway', 'worker'), async (database) => [
      await createOrganization(database, 'Acme'),
    ]));
  home.writeDev({ url, organizations });
}

function stopWhenAsked(stopAll: () => Promise<void>, progress: Progress): void {
  let asked = false;
  const stop = () => {
    if (asked) return;
    asked = true;
    progress.say('Stopping');
    stopAll().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('SIGHUP', stop);
}
