import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { EventLog, ReceivedMessage, SubscribeOptions } from '../event-log';
import { isOutage } from '../postgres';
import { BatchTransport } from './batch-transport';
import { connectReactions } from './connect-reactions';
import { headerOf } from './arrivals';

const outage = () => Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' });

@Controller()
class Reactions {
  @EventPattern('note.written')
  one(@Payload() event: object): Promise<void> {
    return Promise.reject(Object.assign(outage(), { event }));
  }

  @EventPattern('note.read', { batch: true })
  many(@Payload() events: unknown[]): Promise<void> {
    return events.length > 0 ? Promise.reject(outage()) : Promise.resolve();
  }
}

const together: object[][] = [];

@Controller()
class Counts {
  @EventPattern(['note.added', 'note.removed'], { batch: true })
  count(@Payload() events: object[]): Promise<void> {
    together.push(events);
    return Promise.resolve();
  }
}

@Module({ controllers: [Reactions, Counts] })
class Notes {}

const message = (topic: string, headers: Record<string, string> = {}): ReceivedMessage => ({
  topic,
  partition: 0,
  offset: '0',
  key: 'a',
  value: '{}',
  headers,
});

/** An application whose reactions take what the spec hands to its subscription. */
async function listening() {
  let subscribed: SubscribeOptions | null = null;
  const log: Pick<EventLog, 'ensureTopics' | 'subscribe'> = {
    ensureTopics: () => Promise.resolve(),
    subscribe: (options) => {
      subscribed = options;
      return Promise.resolve({ caughtUp: () => Promise.resolve(), lag: () => Promise.resolve(0), stop: () => Promise.resolve() });
    },
  };
  const app = await NestFactory.create(Notes, new FastifyAdapter(), { logger: false });
  connectReactions(app, new BatchTransport({ log: log as EventLog, group: 'spec', isOutage }));
  await app.startAllMicroservices();
  return { app, subscribed: subscribed! };
}

describe('reactions', () => {
  // Guarantees that events wait for a database that is away, however long that takes, instead of becoming dead letters.
  it.each(['note.written', 'note.read'])('tell the event log what they failed of, by the very error (%s)', async (topic) => {
    const { app, subscribed } = await listening();
    const error: unknown = await subscribed.handle([message(topic), message(topic)]).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: 'connect ECONNREFUSED 127.0.0.1:5432' });
    expect(isOutage(error)).toBe(true);
    await app.close();
  });

  it('take what follows each other at once, whatever its types', async () => {
    const { app, subscribed } = await listening();
    await subscribed.handle([message('note.removed'), message('note.added'), message('note.removed')]);
    expect(together.map((events) => events.length)).toEqual([3]);
    await app.close();
  });

  // Guarantees that a trace goes on in what a reaction writes, and that the event itself stays what everybody gets.
  it('know the trace of each event, which is no part of the event', async () => {
    const { app, subscribed } = await listening();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    together.length = 0;
    await subscribed.handle([message('note.added', { traceparent }), message('note.added')]);
    expect(together).toEqual([[{}, {}]]);
    expect(together[0]!.map((event) => headerOf(event, 'traceparent'))).toEqual([traceparent, null]);
    await app.close();
  });
});
