import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DOMAIN_EVENT_TYPES, publicEvent, type EventType } from '@works/contracts/events';
import { CALLER_HEADER, signCaller, type Caller } from '@works/platform/caller';
import { deriveKey, serviceConfig } from '@works/platform/config';
import { openEventLog, type LogMessage } from '@works/platform/event-log';
import { newId } from '@works/platform/ids';
import { openPool } from '@works/platform/postgres';
import { runService } from '@works/platform/service';
import { testDatabase } from '@works/platform/testing';
import { webhooksService } from './webhooks.module';

export const SECRET = 'a secret of the specs, long enough to be one';

export type WebhooksService = Awaited<ReturnType<typeof startWebhooks>>;

/** The whole service as it runs, on databases of a spec's own. */
export async function startWebhooks({
  allowPrivate = true,
  disableAfterHours = 120,
  environment = {},
}: { allowPrivate?: boolean; disableAfterHours?: number; environment?: Record<string, string> } = {}) {
  const [own, logDatabase] = await Promise.all([testDatabase('webhooks'), testDatabase('log')]);
  const config = serviceConfig({
    PORT: '0',
    DATABASE_URL: own.appUrl,
    WORKER_DATABASE_URL: own.workerUrl,
    EVENT_LOG: 'embedded',
    LOG_DATABASE_URL: logDatabase.appUrl,
    WORKS_SECRET: SECRET,
    LOG_LEVEL: 'silent',
    WEBHOOKS_ALLOW_PRIVATE_ADDRESSES: String(allowPrivate),
    WEBHOOKS_DISABLE_AFTER_HOURS: String(disableAfterHours),
    ...environment,
  });
  const service = await runService(webhooksService, config);
  const log = await openEventLog({ eventLog: 'embedded', logDatabaseUrl: logDatabase.appUrl, kafkaBrokers: [], clientId: 'spec' });
  await log.ensureTopics(DOMAIN_EVENT_TYPES);
  const owner = openPool(own.superuserUrl, { max: 2, applicationName: 'spec' });
  const key = deriveKey(SECRET, 'caller');
  const send = (
    caller: Caller,
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    url: string,
    body?: object,
    more: Record<string, string> = {},
  ) =>
    service.app.inject({
      method,
      url,
      headers: { [CALLER_HEADER]: signCaller(caller, key, Date.now()), 'idempotency-key': newId('idem'), ...more },
      ...(body && { payload: body }),
    });
  return {
    own,
    owner,
    logUrl: logDatabase.appUrl,
    app: service.app,
    get: (caller: Caller, url: string) => send(caller, 'GET', url),
    post: (caller: Caller, url: string, body: object = {}, headers = {}) => send(caller, 'POST', url, body, headers),
    patch: (caller: Caller, url: string, body: object, headers = {}) => send(caller, 'PATCH', url, body, headers),
    delete: (caller: Caller, url: string, headers = {}) => send(caller, 'DELETE', url, undefined, headers),
    tell: (messages: LogMessage[]) => log.publish(messages),
    stop: async () => {
      await service.stop();
      await log.close();
      await owner.end();
      await Promise.all([own.drop(), logDatabase.drop()]);
    },
  };
}

/** A message as the relay of another service publishes it. */
export function anEvent(
  caller: Caller,
  type: EventType = 'task.created',
  data: Record<string, unknown> = { task: { title: 'Measure' } },
  { previousEvent = null, causedBy = null }: { previousEvent?: string | null; causedBy?: string | null } = {},
): LogMessage & { id: string } {
  const id = newId('evt');
  const { topic, key, body } = publicEvent(
    {
      id,
      streamId: newId('tsk'),
      occurredAt: new Date(),
      previousEvent,
      cause: { caller, requestId: null, idempotencyKey: null, causedBy },
    },
    { type, projectId: null, data },
  );
  return { id, topic, key, value: body, headers: { ce_id: id } };
}

export interface Arrival {
  at: number;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A receiver that answers as the test says. */
export async function receiver(
  answer: (arrival: Arrival, response: ServerResponse) => void = (_, response) => void response.writeHead(200).end(),
) {
  const arrivals: Arrival[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const arrival = { at: performance.now(), headers: request.headers, body: Buffer.concat(chunks).toString() };
      arrivals.push(arrival);
      answer(arrival, response);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    arrivals,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
