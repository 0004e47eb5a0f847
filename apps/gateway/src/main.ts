import { join, resolve } from 'node:path';
import { BadConfiguration, deriveKey } from '@works/platform/config';
import { armFaultPoints } from '@works/platform/fault-points';
import { Metrics } from '@works/platform/http';
import { createLogger } from '@works/platform/logging';
import { migrate, openPool } from '@works/platform/postgres';
import { giveBackMemory, openHttp, stopWhenAsked } from '@works/platform/service';
import { AdmissionControl, backlogsOf } from './admission-control';
import { Callers, findCallerIn } from './callers';
import { gatewayConfig } from './config';
import { buildGateway } from './gateway';
import { KeyClaimsIn } from './key-claims';
import { readOpenApi } from './routes';
import { SeenPositions } from './seen-positions';
import { positionOf, SharedPositions } from './shared-positions';
import { testNowOf } from './test-now';

/** Look-ups of API keys, at most one per key and second, and two batches of claims. */
const DATABASE_CONNECTIONS = 6;
const SWEEP_EVERY_MS = 60_000;
/** Requests under way to one service; the rest wait their turn here. */
const SERVICE_CONNECTIONS = 64;
/** Long polls under way; each is a socket and nothing more. */
const WAITING_CONNECTIONS = 1_024;
/** For the gateway's own questions, which must not wait behind requests. */
const QUESTION_CONNECTIONS = 2;

async function start(): Promise<void> {
  const config = gatewayConfig(process.env);
  armFaultPoints(process.env['WORKS_FAULT_POINTS'], 'gateway');
  const logger = createLogger({ name: 'gateway', level: config.logLevel });
  if (config.migrationDatabaseUrl !== null) {
    await migrate({ url: config.migrationDatabaseUrl, directory: join(resolve(__dirname, '../../..'), 'prisma/gateway/migrations') });
  }
  const signingKey = deriveKey(config.secret, 'caller');
  const pool = openPool(config.databaseUrl, { max: DATABASE_CONNECTIONS, applicationName: 'gateway' });
  const claims = new KeyClaimsIn(pool);
  const urls = { projects: config.projectsUrl, tasks: config.tasksUrl, webhooks: config.webhooksUrl };
  const poolsOf = (connections: number) => new Map(Object.entries(urls).map(([name, url]) => [name, openHttp(url, connections)]));
  const services = poolsOf(SERVICE_CONNECTIONS);
  const questions = poolsOf(QUESTION_CONNECTIONS);
  const waiting = new Map([['webhooks', openHttp(config.webhooksUrl, WAITING_CONNECTIONS)]]);
  const readyOf = (name: string) => async () => {
    const { statusCode, body } = await services.get(name)!.request({ method: 'GET', path: '/health/ready', headersTimeout: 2_000 });
    await body.dump();
    if (statusCode !== 200) throw new Error(`${name} is not ready`);
  };
  const metrics = new Metrics('gateway');
  const admission = new AdmissionControl({
    services: new Map([...questions].map(([name, service]) => [name, backlogsOf(service)])),
    factsMax: config.backlogFactsMax,
    waitMs: config.backlogWaitSeconds * 1_000,
    logger,
    registry: metrics.registry,
  });
  const positions = new SeenPositions();
  const shared = new SharedPositions({
    databaseUrl: config.databaseUrl,
    positions,
    services: new Map([...questions].map(([name, service]) => [name, positionOf(name, service)])),
    logger,
  });
  const app = await buildGateway({
    openApi: readOpenApi(),
    callers: new Callers(findCallerIn(pool, testNowOf(services.get('tasks')!, signingKey)), signingKey),
    claims,
    admission,
    positions,
    services,
    waiting,
    logger,
    metrics,
    ready: {
      database: () => pool.query('select 1'),
      projects: readyOf('projects'),
      tasks: readyOf('tasks'),
      webhooks: readyOf('webhooks'),
    },
  });
  // Before the first answer: a key may have written through an earlier life of this gateway, or through another.
  await shared.start();
  await app.listen({ port: config.port, host: config.host });
  logger.info({ port: config.port }, 'ready');
  const sweeping = setInterval(() => {
    claims.sweep().catch((error: unknown) => logger.warn({ err: error }, 'sweeping claims failed; the next round tries again'));
  }, SWEEP_EVERY_MS);
  stopWhenAsked(async () => {
    clearInterval(sweeping);
    // Who waits is told to come back at once, or goes on, or the stop would wait with them.
    await Promise.all([...waiting.values()].map((service) => service.destroy()));
    admission.stop();
    await app.close();
    await shared.stop();
    await Promise.all([...services.values()].map((service) => service.close()));
    await Promise.all([...questions.values()].map((service) => service.destroy()));
    await pool.end();
  });
  giveBackMemory();
  process.send?.({ ready: 'gateway' });
}

start().catch((error: unknown) => {
  const reason = error instanceof BadConfiguration ? error.message : (error as Error).stack;
  process.stderr.write(`gateway cannot start. ${reason}\n`);
  process.exit(1);
});
