import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Pool } from 'pg';
import { eventually, testDatabase, type TestDatabase } from '../testing';
import { isOutage, sqlState, violatedConstraint } from './errors';
import { openPool } from './pool';
import { StableAddress } from './stable-address.examples';

describe('what a database refuses', () => {
  let database: TestDatabase;
  let pool: Pool;
  let admin: Pool;

  beforeAll(async () => {
    database = await testDatabase('platform');
    pool = openPool(database.ownerUrl, { max: 2, applicationName: 'spec' });
    admin = openPool(database.superuserUrl, { max: 1, applicationName: 'spec admin' });
    await pool.query('create table shelf (id int constraint shelf_once unique)');
  });

  afterAll(async () => {
    await Promise.all([pool.end(), admin.end()]);
    await database.drop();
  });

  const refusalOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => null,
      (error: unknown) => error,
    );

  // Whoever is stopped in the middle of a transaction, for as long as it likes, holds nobody up with it.
  it('ends a transaction of ours that does nothing', async () => {
    const forgetful = openPool(database.ownerUrl, { max: 1, applicationName: 'spec idle', idleInTransactionMs: 50 });
    const client = await forgetful.connect();
    const ended = once(client, 'error');
    await client.query('begin; insert into shelf values (7)');
    expect(isOutage((await ended)[0])).toBe(true);
    client.release(true);
    expect((await pool.query('select from shelf where id = 7')).rowCount).toBe(0);
    await forgetful.end();
  });

  it('is no outage when the statement is at fault', async () => {
    await pool.query('insert into shelf values (1)');
    const twice = await refusalOf(pool.query('insert into shelf values (1)'));
    expect([sqlState(twice), violatedConstraint(twice), isOutage(twice)]).toEqual(['23505', 'shelf_once', false]);
    const nonsense = await refusalOf(pool.query('selekt'));
    expect([sqlState(nonsense), violatedConstraint(nonsense), isOutage(nonsense)]).toEqual(['42601', null, false]);
    const slow = await refusalOf(pool.query('set statement_timeout = 10; select pg_sleep(5)'));
    expect([sqlState(slow), isOutage(slow)]).toEqual(['57014', false]);
    expect([isOutage(new Error('a bug')), isOutage(null), isOutage('text'), sqlState(undefined)]).toEqual([false, false, false, null]);
  });

  // Guarantees that a request that met a restart of the server is told to try again, and not that it was wrong.
  it('is an outage when the server ends the connection, under a statement or between two', async () => {
    const client = await pool.connect();
    const [{ pid }] = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows as [{ pid: number }];
    const under = refusalOf(client.query('select pg_sleep(60)'));
    await admin.query('select pg_terminate_backend($1)', [pid]);
    expect(isOutage(await under)).toBe(true);
    expect(isOutage(await refusalOf(client.query('select 1')))).toBe(true);
    client.release(true);
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  it('is an outage when it has no connection left, or is being restored', async () => {
    await admin.query('alter role works_spec_app connection limit 0');
    const full = openPool(database.appUrl, { max: 1, applicationName: 'spec' });
    const refused = await refusalOf(full.query('select 1'));
    await admin.query('alter role works_spec_app connection limit -1');
    expect([sqlState(refused), isOutage(refused)]).toEqual(['53300', true]);
    await full.end();
    expect(isOutage({ code: '57P03' })).toBe(true);
    // A standby that is not promoted yet.
    expect([isOutage({ code: '25006' }), isOutage(new Error('recovery is in progress'))]).toEqual([true, true]);
    expect([isOutage({ code: 'EPIPE' }), sqlState({ code: 'EPIPE' })]).toEqual([true, null]);
  });

  // A machine that vanishes sends no farewell. Without this the server would keep its sessions, and the locks of leaders, for two hours.
  it('has the server look for whoever is silent, beside what else a session sets', async () => {
    const quiet = openPool(database.ownerUrl, { max: 1, applicationName: 'spec' });
    const set = async (name: string) => (await quiet.query<Record<string, string>>(`show ${name}`)).rows[0]![name];
    const names = ['tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_keepalives_count', 'statement_timeout'];
    expect(await Promise.all(names.map(set))).toEqual(['5', '2', '3', '10s']);
    await quiet.end();
  });

  // The server ends a statement that takes too long, and says so. One that says nothing for longer than that is frozen, or its machine is gone.
  it('is an outage when the server falls silent under a statement, and no other connection is touched', async () => {
    const impatient = openPool(database.ownerUrl, { max: 1, applicationName: 'spec', silenceMs: 200 });
    const client = await impatient.connect();
    const [asked, behind] = await Promise.all([client.query('select pg_sleep(60)'), client.query('select 1')].map(refusalOf));
    expect([isOutage(asked), (asked as Error).message]).toEqual([true, expect.stringContaining('the server has said nothing for 200 ms')]);
    expect(isOutage(behind)).toBe(true);
    client.release(true);
    expect((await impatient.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await impatient.end();
  });

  // As when a machine is gone and its address leads nowhere: whoever came next would otherwise wait for each dead connection in turn.
  it('gives up, with the connection that fell silent, those that have heard nothing for as long, and no other', async () => {
    const address = await StableAddress.open();
    address.leadTo(database.ownerUrl);
    const impatient = openPool(address.of(database.ownerUrl), { max: 8, applicationName: 'spec', silenceMs: 1_000 });
    const pids = async (count: number) => {
      const answers = await Promise.all(
        Array.from({ length: count }, () => impatient.query<{ pid: number }>('select pg_backend_pid() as pid, pg_sleep(0.2)')),
      );
      return [...new Set(answers.map(({ rows }) => rows[0]!.pid))];
    };
    const before = await pids(4);
    expect(before).toHaveLength(4);
    address.fallSilent();
    expect(isOutage(await refusalOf(impatient.query('select 1')))).toBe(true);
    await eventually(() => expect(impatient.totalCount).toBe(0));
    expect((await pids(4)).filter((pid) => before.includes(pid))).toEqual([]);

    // One that is answered lives on, whatever becomes of its neighbour.
    const [stuck, busy] = [await impatient.connect(), await impatient.connect()];
    const silence = refusalOf(stuck.query('select pg_sleep(60)')).then((error) => [error]);
    for (let gone: unknown = null; gone === null;)
      gone = await Promise.race([silence, busy.query('select pg_sleep(0.05)').then(() => null)]);
    expect((await busy.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    stuck.release(true);
    busy.release();
    await impatient.end();
    await address.close();
  });

  it('is none while the server answers one statement after the other, or has nothing to answer, however long that goes on', async () => {
    const impatient = openPool(database.ownerUrl, { max: 1, applicationName: 'spec', silenceMs: 500 });
    const [{ pid }] = (await impatient.query<{ pid: number }>('select pg_backend_pid() as pid')).rows as [{ pid: number }];
    await admin.query('select pg_sleep(0.8)');
    const client = await impatient.connect();
    const several = await Promise.all(Array.from({ length: 8 }, () => client.query('select pg_sleep(0.1), pg_backend_pid() as pid')));
    client.release();
    expect(several.map(({ rows }) => (rows as { pid: number }[])[0]!.pid)).toEqual(Array(8).fill(pid));
    expect(isOutage(await refusalOf(impatient.query('select pg_sleep(60)')))).toBe(true);
    await impatient.end();
  });

  // Guarantees that whoever reads of an error in the log finds the line that asked, and not the socket that answered.
  it('tells who asked', async () => {
    const client = await pool.connect();
    const askingHere = async (): Promise<unknown> => refusalOf(client.query('selekt'));
    const { stack } = (await askingHere()) as Error;
    client.release();
    expect(stack).toContain('outage.int.spec');
  });

  it('is an outage when nobody listens, or somebody listens and says nothing', async () => {
    const silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const waiting = openPool(`postgresql://x@127.0.0.1:${port}/x`, { max: 1, applicationName: 'spec', connectTimeoutMs: 100 });
    expect(isOutage(await refusalOf(waiting.query('select 1')))).toBe(true);
    await new Promise((closed) => silent.close(closed));
    expect(isOutage(await refusalOf(waiting.query('select 1')))).toBe(true);
    await waiting.end();
  });
});
