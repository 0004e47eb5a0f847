import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import type { EventType, PublicEvent } from '@works/contracts/events';
import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { createLogger } from '@works/platform/logging';
import { openPool } from '@works/platform/postgres';
import { Keyring } from '@works/platform/sealing';
import { aCaller, testDatabase, type TestDatabase } from '@works/platform/testing';
import type { EventFilter } from '../domain/event-filter';
import { anEvent } from '../webhooks-service.examples';
import type { Outcome } from './attempt';
import { DeliveryEngine, type EngineParts } from './delivery-engine';
import { DeliveryMetrics } from './delivery-metrics';
import { KeptSecrets } from './kept-secrets';
import { Sender } from './sender';
import { newSigningSecret } from './signing';
import { newEventOf } from './new-event';
import type { NewEvent } from './statements';

const KEY = 'a key of the specs, long enough to be one';

export interface DeliveryRow {
  id: string;
  event_id: string;
  sequence: string;
  status: string;
  attempts_made: number;
  lease_token: string | null;
  due: boolean;
}

/** The deliveries of a spec's own database, to be worked on by as many workers as the spec wants. */
export async function deliveryDatabase() {
  const own = await testDatabase('webhooks');
  const workers = openPool(own.workerUrl, { max: 8, applicationName: 'spec workers' });
  const owner = openPool(own.superuserUrl, { max: 2, applicationName: 'spec' });
  return {
    own,
    workers,
    owner,
    endpoint: (caller: Caller, url: string, options: EndpointOptions = {}) => insertEndpoint(owner, caller, url, options),
    deliveries: async (endpointId: string): Promise<DeliveryRow[]> =>
      (
        await owner.query<DeliveryRow>(
          `select id, event_id, sequence, status, attempts_made, lease_token, due_at <= now() as due from deliveries where endpoint_id = $1 order by sequence`,
          [endpointId],
        )
      ).rows,
    attempts: async (endpointId: string): Promise<{ delivery_id: string; number: number }[]> =>
      (
        await owner.query<{ delivery_id: string; number: number }>(
          'select delivery_id, number from attempts where endpoint_id = $1 order by 1, 2',
          [endpointId],
        )
      ).rows,
    /** As if the time of every lease had passed. */
    endLeases: () => owner.query('update deliveries set due_at = now() where lease_token is not null'),
    drop: async () => {
      await Promise.all([workers.end(), owner.end()]);
      await own.drop();
    },
  };
}

interface EndpointOptions {
  readonly maxInFlight?: number;
  readonly status?: 'enabled' | 'disabled';
  readonly events?: string[];
  readonly projects?: string[];
  readonly filter?: EventFilter;
  readonly ordering?: 'none' | 'project';
  readonly rateLimit?: number | null;
}

async function insertEndpoint(
  owner: Pool,
  caller: Caller,
  url: string,
  { maxInFlight = 16, status = 'enabled', events = [], projects = [], filter = {}, ordering = 'none', rateLimit = null }: EndpointOptions,
): Promise<string> {
  const id = newId('whk');
  await owner.query(
    `insert into webhook_endpoints (id, organization_id, livemode, url, events, status, disabled_reason, max_in_flight, headers, secret, created_at, updated_at,
                                    projects, filter, ordering, rate_limit_per_second)
     values ($1, $2, $3, $4, $5, $6, case when $6 = 'disabled' then 'for a spec' end, $7, '{}', $8, now(), now(), $9, $10, $11, $12)`,
    [
      ...[id, caller.organizationId, caller.livemode, url, events, status, maxInFlight, newSigningSecret()],
      ...[projects, JSON.stringify(filter), ordering, rateLimit],
    ],
  );
  return id;
}

/** An event as it comes from the log. */
export function aNewEvent(caller: Caller = aCaller(), type: EventType = 'task.created'): NewEvent {
  return newEventOf(JSON.parse(anEvent(caller, type).value) as PublicEvent);
}

export const newEvents = (caller: Caller, count: number): NewEvent[] => Array.from({ length: count }, () => aNewEvent(caller));

/** How a fan-out asks that takes nothing for itself: everything waits for a claim. */
export const takingNothing = () => ({
  leaseToken: newId('wrk'),
  leaseSeconds: 30,
  capacity: 0,
  organizationMax: 96,
});

/** A worker in this process. */
export const aWorker = (pool: Pool, options: Partial<EngineParts> = {}): DeliveryEngine =>
  new DeliveryEngine({
    pool,
    sender: new Sender({ allowPrivateAddresses: true }),
    secrets: new KeptSecrets(new Keyring([KEY]), createLogger({ name: 'spec', level: 'silent' })),
    metrics: new DeliveryMetrics(new Registry()),
    logger: createLogger({ name: 'spec', level: 'silent' }),
    ...options,
  });

/** A worker in a process of its own, to be killed; resolves when it runs. */
export async function aWorkerProcess(database: TestDatabase, leaseSeconds: number): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [
      join(__dirname, '../../../../libs/platform/src/testing/run-typescript.cjs'),
      join(__dirname, 'worker-process.examples.ts'),
      JSON.stringify({ workerUrl: database.workerUrl, leaseSeconds }),
    ],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  await once(child, 'message');
  return child;
}

/** What came of an attempt that was answered with this status. */
export const anOutcome = (statusCode = 200): Outcome => ({
  startedAt: new Date(),
  endedAt: new Date(),
  durationMs: 1,
  timings: { dns: 0, connect: null, first_byte: 1 },
  address: '127.0.0.1',
  statusCode,
  responseBody: '',
  responseHeaders: {},
  error: statusCode < 300 ? null : { stage: 'status', code: String(statusCode), detail: `answered ${statusCode}` },
});
