import type { Pool } from 'pg';
import { hashOfApiKey, newApiKey, type Mode } from '@works/platform/api-keys';
import { newId } from '@works/platform/ids';
import { openPool } from '@works/platform/postgres';
import { testDatabase, type TestDatabase } from '@works/platform/testing';
import { findCallerIn } from './callers';
import { exchange, openGateway, type OpenGateway } from './gateway.examples';

/** The promise. It is about when a request is sent: one that is under way for long on a busy machine has been let in when it came. */
const KNOWN_WITHIN_MS = 1_000;

describe('API keys', () => {
  let database: TestDatabase;
  let operator: Pool;
  let service: Pool;
  let doors: OpenGateway[];
  const organization = newId('org');
  let testClockMs = 0;

  beforeAll(async () => {
    database = await testDatabase('gateway');
    operator = openPool(database.workerUrl, { max: 1, applicationName: 'spec' });
    service = openPool(database.appUrl, { max: 4, applicationName: 'spec' });
    // Two doors, as behind a load balancer: they know nothing of each other.
    const find = findCallerIn(service, (caller) => Promise.resolve(new Date(Date.now() + (caller.livemode ? NaN : testClockMs))));
    doors = await Promise.all([openGateway(find), openGateway(find)]);
    await operator.query(`insert into organizations (id, name, time_zone) values ($1, 'Globex', 'Europe/Berlin')`, [organization]);
  });
  afterAll(async () => {
    await Promise.all(doors.map((door) => door.close()));
    await Promise.all([operator.end(), service.end()]);
    await database.drop();
  });

  async function aKey(mode: Mode = 'live', expiresIn: string | null = null): Promise<{ id: string; key: string }> {
    const [id, key] = [newId('key'), newApiKey(mode)];
    await operator.query(
      `insert into api_keys (id, organization_id, livemode, hash, hint, scopes, expires_at)
       values ($1, $2, $3, decode($4, 'hex'), $5, '{tasks:read}', now() + $6::interval)`,
      [id, organization, mode === 'live', hashOfApiKey(key), key.slice(-4), expiresIn],
    );
    return { id, key };
  }

  const revoke = (id: string) => operator.query('update api_keys set revoked_at = now() where id = $1', [id]);
  const ask = (door: OpenGateway, key: string | null) =>
    exchange('GET', `${door.origin}/works/v1/things`, {
      'x-request-id': 'same',
      ...(key !== null && { authorization: `Bearer ${key}` }),
    });

  it.each(['live', 'test'] as const)('say who calls, in which mode, and what they may (%s)', async (mode) => {
    const { id, key } = await aKey(mode);
    const [door] = doors;
    expect((await ask(door!, key)).status).toBe(200);
    expect(door!.callerOf(door!.things.last)).toEqual({
      organizationId: organization,
      livemode: mode === 'live',
      actor: { type: 'api_key', id },
      scopes: ['tasks:read'],
      timeZone: 'Europe/Berlin',
    });
  });

  /** Asks until the answer is `status`. Whoever asks a second after `since`, or later, gets nothing else. */
  const answers = async (door: OpenGateway, key: string, status: number, since: number) => {
    for (;;) {
      const sentAt = performance.now();
      const reply = await ask(door, key);
      if (reply.status === status) return;
      expect(sentAt - since).toBeLessThan(KNOWN_WITHIN_MS);
    }
  };

  // Guarantees that a leaked key is worthless a second after it was revoked, at every door, however busy it is.
  it('are refused everywhere within a second of being revoked', async () => {
    const { id, key } = await aKey();
    for (const door of doors) expect((await ask(door, key)).status).toBe(200);
    await revoke(id);
    const since = performance.now();
    await Promise.all(doors.map((door) => answers(door, key, 401, since)));
  });

  it('are refused within a second of their end', async () => {
    const { key } = await aKey('live', '2 seconds');
    const endsAt = performance.now() + 2_000;
    expect((await ask(doors[0]!, key)).status).toBe(200);
    await answers(doors[0]!, key, 401, endsAt);
  });

  // Guarantees that the end of a key can be tried in test mode without waiting, and that nobody's live key ends with it.
  it('of test mode end by the test clock, of live mode by the real time', async () => {
    const [test, live, lasting] = [await aKey('test', '2 days'), await aKey('live', '2 days'), await aKey('test')];
    for (const { key } of [test, live, lasting]) expect((await ask(doors[0]!, key)).status).toBe(200);
    testClockMs = 3 * 86_400_000;
    await answers(doors[0]!, test.key, 401, performance.now());
    for (const { key } of [live, lasting]) expect((await ask(doors[0]!, key)).status).toBe(200);
    testClockMs = 0;
  });

  // Guarantees that an answer never tells a key that once was from one that never was.
  it('that are expired, revoked, unknown, malformed or absent get the same bytes', async () => {
    const [expired, revoked] = await Promise.all([aKey('live', '-1 second'), aKey()]);
    await revoke(revoked.id);
    const replies = await Promise.all(
      [expired.key, revoked.key, newApiKey('live'), newApiKey('test'), 'sk_live_malformed', null].map((key) => ask(doors[0]!, key)),
    );
    const seen = replies.map(({ status, text, headers: { date: _, ...headers } }) => ({ status, text, headers }));
    expect(seen).toEqual(Array(replies.length).fill(seen[0]));
    expect(seen[0]!.status).toBe(401);
  });

  it('that are unknown become good within a second of being made', async () => {
    const key = newApiKey('live');
    expect((await ask(doors[0]!, key)).status).toBe(401);
    await operator.query(
      `insert into api_keys (id, organization_id, livemode, hash, hint, scopes) values ($1, $2, true, decode($3, 'hex'), 'xxxx', '{}')`,
      [newId('key'), organization, hashOfApiKey(key)],
    );
    await answers(doors[0]!, key, 200, performance.now());
  });

  // Guarantees that a statement gone wrong at the public door cannot list anybody's keys.
  it('cannot be listed, changed or made by the door’s own role', async () => {
    await aKey();
    expect((await service.query('select * from api_keys')).rows).toEqual([]);
    expect((await service.query('select * from organizations')).rows).toEqual([]);
    await expect(service.query('update api_keys set revoked_at = null')).rejects.toMatchObject({ code: '42501' });
    await expect(service.query('delete from api_keys')).rejects.toMatchObject({ code: '42501' });
  });
});
