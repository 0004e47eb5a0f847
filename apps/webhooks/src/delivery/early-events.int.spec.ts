import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import type { Pool } from 'pg';
import { EVENT_TYPES } from '@works/contracts/events';
import { PROBLEMS } from '@works/contracts/problems';
import type { Caller } from '@works/platform/caller';
import { serviceConfig } from '@works/platform/config';
import type { LogMessage } from '@works/platform/event-log';
import { Metrics } from '@works/platform/http';
import { newId } from '@works/platform/ids';
import { openPool } from '@works/platform/postgres';
import { runService, type RunningService } from '@works/platform/service';
import { aCaller, eventually, insertFacts, testDatabase, type TestDatabase } from '@works/platform/testing';
import { anEvent, SECRET, startWebhooks, type WebhooksService } from '../webhooks-service.examples';
import { EarlyEvents } from './early-events';

/** A service that only has facts to tell. */
@Module({})
class Teller {}

describe('an event that came before one that it depends on', () => {
  const socket = join(tmpdir(), `${newId('spec')}.sock`);
  let webhooks: WebhooksService;
  let store: TestDatabase;
  let facts: Pool;
  let teller: RunningService;

  beforeAll(async () => {
    webhooks = await startWebhooks({ environment: { PROJECTS_URL: `unix:${socket}`, TASKS_URL: `unix:${socket}` } });
    store = await testDatabase('platform');
    facts = openPool(store.superuserUrl, { max: 2, applicationName: 'spec' });
    teller = await startTeller();
  });

  afterAll(async () => {
    await teller.stop();
    await Promise.all([facts.end(), webhooks.stop()]);
    await store.drop();
  });

  const startTeller = () =>
    runService(
      { name: 'tasks', module: Teller, sources: [], topics: EVENT_TYPES, publish: () => null, catalogue: PROBLEMS },
      serviceConfig({
        LISTEN: socket,
        DATABASE_URL: store.appUrl,
        WORKER_DATABASE_URL: store.workerUrl,
        EVENT_LOG: 'embedded',
        LOG_DATABASE_URL: webhooks.logUrl,
        WORKS_SECRET: SECRET,
        LOG_LEVEL: 'silent',
      }),
    );

  type Told = LogMessage & { id: string };
  const behind = (caller: Caller, previousEvent: string | null, causedBy: string | null = null, data?: Record<string, unknown>): Told =>
    anEvent(caller, 'task.created', data, { previousEvent, causedBy });

  const log = async (caller: Caller): Promise<string[]> =>
    (
      await webhooks.owner.query<{ id: string }>('select id from event_log where organization_id = $1 order by event_log.position', [
        caller.organizationId,
      ])
    ).rows.map(({ id }) => id);
  const held = async (caller: Caller): Promise<string[]> =>
    (
      await webhooks.owner.query<{ id: string }>('select id from early_events where organization_id = $1 order by place', [
        caller.organizationId,
      ])
    ).rows.map(({ id }) => id);
  const marked = async (caller: Caller): Promise<string[]> =>
    (
      await webhooks.owner.query<{ id: string }>('select id from event_log where organization_id = $1 and out_of_order', [
        caller.organizationId,
      ])
    ).rows.map(({ id }) => id);
  const holds = (caller: Caller, ids: readonly string[]) => eventually(async () => expect(await held(caller)).toEqual(ids));

  /** As if it had waited for long enough. */
  const ask = async () => {
    await webhooks.owner.query('update early_events set ask_at = now()');
    await webhooks.app.get(EarlyEvents).ask();
  };
  const counted = async (): Promise<Record<string, number>> => {
    const text = await webhooks.app.get(Metrics).text();
    const lines = [...text.matchAll(/^works_webhooks_(?:released_total\{reason="(\w+)".*\}|(held_back)\{.*\}) (\d+)$/gm)];
    return Object.fromEntries(lines.map(([, reason, gauge, count]) => [reason ?? gauge!, Number(count)]));
  };

  /** A fact of the owner. A private one is in no topic; a lost one was published, as its owner knows, and the event log has lost it. */
  const keep = ({ id, topic, key, value }: Told, caller: Caller, kind: 'public' | 'private' | 'lost' = 'public') => {
    const { organizationId, livemode } = caller;
    if (kind === 'public') return insertFacts(facts, [{ id, organizationId, livemode, topic, key, value }]);
    const told = kind === 'lost';
    return facts.query(
      `insert into events (organization_id, livemode, id, stream_id, version, type, data, topic, log_key, public, metadata, occurred_at)
       values ($1, $2, $3, $3, 1, $4, '{}', $5, $6, $7, '{}', now())`,
      [organizationId, livemode, id, topic, told ? topic : null, told ? key : null, told ? value : null],
    );
  };

  it('is in no list before that one, and behind it in every list', async () => {
    const caller = aCaller();
    const endpoint = (
      await webhooks.post(caller, '/webhook_endpoints', { url: 'https://asleep.example/', events: ['*'], ordering: 'project' })
    ).json<{ id: string }>().id;
    await webhooks.post(caller, `/webhook_endpoints/${endpoint}/disable`);
    const project = newId('prj');
    const about = (told: Told): Told => {
      const value = JSON.stringify({ ...(JSON.parse(told.value) as object), project_id: project });
      return { ...told, key: project, value };
    };
    const first = about(anEvent(caller, 'project.created', { project: { name: 'Fit-out' }, previous: {} }));
    const second = about(behind(caller, null, first.id));
    const third = about(
      anEvent(caller, 'task.assigned', { task: { title: 'Measure', assignee_id: null }, previous: {} }, { previousEvent: second.id }),
    );
    await webhooks.tell([third]);
    await holds(caller, [third.id]);
    await webhooks.tell([second]);
    await holds(caller, [third.id, second.id]);
    expect((await counted())['held_back']).toBe(2);
    await webhooks.tell([first]);
    await holds(caller, []);
    const ordered = [first.id, second.id, third.id];
    const idsOf = async (path: string) =>
      (await webhooks.get(caller, path))
        .json<{ data: { id: string; event?: { id: string } }[] }>()
        .data.map((row) => row.event?.id ?? row.id);
    expect(await idsOf('/events')).toEqual(ordered);
    expect(await idsOf(`/projects/${project}/timeline`)).toEqual(ordered);
    expect(await idsOf(`/webhook_endpoints/${endpoint}/events`)).toEqual(ordered);
  });

  it('goes on without one that was never public, and is marked', async () => {
    const caller = aCaller();
    const secret = anEvent(caller);
    await keep(secret, caller, 'private');
    const early = behind(caller, secret.id);
    await webhooks.tell([early]);
    await holds(caller, [early.id]);
    const before = (await counted())['never_public']!;
    await ask();
    expect([await log(caller), await held(caller), await marked(caller)]).toEqual([[early.id], [], [early.id]]);
    expect((await counted())['never_public']).toBe(before + 1);
  });

  it('goes on without one that no service knows', async () => {
    const caller = aCaller();
    const early = behind(caller, null, newId('evt'));
    await webhooks.tell([early]);
    await holds(caller, [early.id]);
    await ask();
    expect([await log(caller), await marked(caller)]).toEqual([[early.id], [early.id]]);
  });

  it('has one published again that the event log has lost, and is numbered behind it', async () => {
    const caller = aCaller();
    const lost = anEvent(caller);
    const early = behind(caller, lost.id);
    await keep(anEvent(caller), caller);
    await eventually(async () => expect(await log(caller)).toHaveLength(1));
    await keep(lost, caller, 'lost');
    await webhooks.tell([early]);
    await holds(caller, [early.id]);
    await ask();
    await eventually(async () => expect((await log(caller)).slice(1)).toEqual([lost.id, early.id]));
    expect(await marked(caller)).toEqual([]);
  });

  it('waits while the owner is away', async () => {
    const caller = aCaller();
    const late = anEvent(caller);
    const early = behind(caller, late.id);
    await webhooks.tell([early]);
    await holds(caller, [early.id]);
    await teller.stop();
    await keep(late, caller);
    await ask();
    expect([await log(caller), await held(caller)]).toEqual([[], [early.id]]);
    teller = await startTeller();
    await eventually(async () => expect(await log(caller)).toEqual([late.id, early.id]));
    expect(await marked(caller)).toEqual([]);
  });

  // What cannot be handled goes to the dead letters; published once more it goes there again, and then it is certain.
  it('goes on without one that is a dead letter, only after that was tried once more', async () => {
    const caller = aCaller();
    const poison = anEvent(caller);
    await webhooks.owner.query(
      `create or replace function refuse_poison() returns trigger language plpgsql as $$ begin raise exception 'poison'; end $$`,
    );
    await webhooks.owner.query(
      `create trigger poison before insert on event_log for each row when (new.id = '${poison.id}') execute function refuse_poison()`,
    );
    await keep(poison, caller);
    const early = behind(caller, poison.id);
    await webhooks.tell([early]);
    await holds(caller, [early.id]);
    await ask();
    expect(await log(caller)).toEqual([]);
    await eventually(async () => {
      await ask();
      expect(await log(caller)).toEqual([early.id]);
    });
    expect([await marked(caller), await held(caller)]).toEqual([[early.id], []]);
    expect((await counted())['dead_letter']).toBeGreaterThan(0);
  });
});
