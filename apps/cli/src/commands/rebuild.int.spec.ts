import { openPool } from '@works/platform/postgres';
import { aCaller, testDatabase, type TestDatabase } from '@works/platform/testing';
import { run } from './commands.examples';
import { rebuildCommand } from './rebuild';

describe('works rebuild', () => {
  const { organizationId } = aCaller();
  let database: TestDatabase;

  beforeAll(async () => {
    database = await testDatabase('tasks');
    Object.assign(process.env, { DATABASE_URL: database.appUrl, WORKER_DATABASE_URL: database.workerUrl });
    const owner = openPool(database.superuserUrl, { max: 1, applicationName: 'spec' });
    await owner.query(
      `insert into events (organization_id, livemode, id, stream_id, version, type, data, metadata, occurred_at)
         values ($1, true, 'evt_1', 'tsk_1', 1, 'task.created', '{"id": "tsk_1", "title": "Call", "time_zone": "UTC", "depends_on": [], "metadata": {}}', '{}', now())`,
      [organizationId],
    );
    await owner.end();
  });
  afterAll(async () => {
    delete process.env['DATABASE_URL'];
    delete process.env['WORKER_DATABASE_URL'];
    process.exitCode = 0;
    await database.drop();
  });

  it('names what differs, mends it, and then finds nothing', async () => {
    expect(await run(rebuildCommand(), 'tasks', '--check')).toMatch(
      /^missing {2}tsk_1 {2}.*\n1 streams, 1 events, 1 differences, \d+ events a second\n$/,
    );
    expect(process.exitCode).toBe(1);
    expect(await run(rebuildCommand(), 'tasks')).toMatch(/^mended {2}tsk_1 .*\n1 streams, 1 events, 1 differences, 1 mended, /);
    expect(process.exitCode).toBe(0);
    expect(JSON.parse(await run(rebuildCommand(), 'tasks', '--check', '--json'))).toMatchObject({ streams: 1, events: 1, differences: 0 });
    expect(process.exitCode).toBe(0);
  });
});
