import type { Task } from '@works/contracts/tasks';
import { newId } from '@works/platform/ids';
import { openPool } from '@works/platform/postgres';
import { Rebuild, type Difference } from '@works/platform/rebuild';
import { TenantDatabase } from '@works/platform/tenancy';
import { aCaller, testDatabase } from '@works/platform/testing';
import { tasks } from './aggregate';
import { startTasks } from './tasks-service.examples';

// Guarantees that what the rules refuse of newcomers is no obstacle to what happened before they applied.
it('a rebuild gives a task of a project that is closed by now back its document, its queue and its metadata', async () => {
  const caller = aCaller();
  const own = await testDatabase('tasks');
  const service = await startTasks({ own, log: await testDatabase('log') });
  const owner = openPool(own.superuserUrl, { max: 1, applicationName: 'spec' });
  const pool = openPool(own.appUrl, { max: 1, applicationName: 'spec' });
  const workers = openPool(own.workerUrl, { max: 2, applicationName: 'spec' });
  const everything = async () => ({
    tasks: (await owner.query<{ row: string }>('select t::text as row from tasks t order by id collate "C"')).rows,
    metadata: (
      await owner.query<{ row: string }>('select m::text as row from task_metadata m order by task_id collate "C", key collate "C"')
    ).rows,
  });
  const rebuild = async (check: boolean) => {
    const found: Difference[] = [];
    const database = new TenantDatabase(pool);
    await new Rebuild({ workers, database, aggregates: { tsk: tasks }, check, differs: (difference) => void found.push(difference) }).run();
    return found;
  };
  try {
    const project = newId('prj');
    await owner.query(
      `insert into project_references (project_id, organization_id, livemode, status, time_zone, version) values ($1, $2, $3, 'active', 'UTC', 1)`,
      [project, caller.organizationId, caller.livemode],
    );
    const make = async () =>
      (await service.as(caller).post('/tasks', { title: 'Call', project_id: project, metadata: { po: '4711' } })).json<Task>().id;
    const [gone, ended, right] = [await make(), await make(), await make()];
    const before = await everything();
    await owner.query(`update project_references set status = 'closed'`);
    await owner.query('delete from tasks where id = $1', [gone]);
    await owner.query(`update tasks set state = state || '{"status": "cancelled", "metadata": {}}' where id = $1`, [ended]);

    expect((await rebuild(true)).map(({ stream }) => stream).sort()).toEqual([gone, ended].sort());
    expect((await rebuild(false)).map(({ stream, mended }) => [stream, mended])).not.toContainEqual([right, true]);

    expect(await everything()).toEqual(before);
    expect(await rebuild(true)).toEqual([]);
  } finally {
    await Promise.all([owner.end(), pool.end(), workers.end()]);
    await service.stop();
  }
});
