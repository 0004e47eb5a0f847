import { Client } from 'pg';
import type { Task } from '@works/contracts/tasks';
import { aCaller, eventually, testDatabase } from '@works/platform/testing';
import { aProjectClosed, aProjectCreated } from '../reactions/project-news.examples';
import { startTasks, type TasksService } from '../tasks-service.examples';

// Guarantees that a closed project keeps no open task that nobody knows of, however close the two moments are.
describe('a task that is made at the very moment its project closes', () => {
  const caller = aCaller();
  let service: TasksService;
  let other: Client;

  beforeAll(async () => {
    const own = await testDatabase('tasks');
    service = await startTasks({ own, log: await testDatabase('log') });
    other = new Client(own.superuserUrl);
    await other.connect();
  });
  afterAll(async () => {
    await other.end();
    await service.stop();
  });

  const aProject = async () => {
    const news = aProjectCreated(caller);
    await service.hear({ ...news, data: { ...news.data, project: { ...news.data.project, milestones: [] } } });
    return news.subject;
  };
  const someoneWaits = () =>
    eventually(async () => {
      const { rowCount } = await other.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      expect(rowCount).toBeGreaterThan(0);
    });
  const listed = async (projectId: string) =>
    (await service.as(caller).get(`/tasks?project_id=${projectId}`)).json<{ data: Task[] }>().data;

  it('is refused when the closing was first', async () => {
    const projectId = await aProject();
    await other.query('begin');
    await other.query("update project_references set status = 'closed' where project_id = $1", [projectId]);
    const answer = service.as(caller).post('/tasks', { title: 'Late', project_id: projectId });
    await someoneWaits();
    await other.query('commit');
    expect([(await answer).statusCode, (await answer).json().code]).toEqual([409, 'project_closed']);
    expect(await listed(projectId)).toEqual([]);
  });

  it('is cancelled when it was first', async () => {
    const projectId = await aProject();
    const { id } = (await service.as(caller).post('/tasks', { title: 'Just in time' })).json<Task>();
    await other.query('begin');
    await other.query(
      `insert into tasks (id, organization_id, livemode, version, state)
         select $2, organization_id, livemode, 1, state || jsonb_build_object('id', $2::text, 'project_id', $3::text) from tasks where id = $1`,
      [id, id.replace(/.$/, id.endsWith('0') ? '1' : '0'), projectId],
    );
    const closing = service.hear(aProjectClosed(caller, projectId, 'cancel'));
    await someoneWaits();
    await other.query('commit');
    await closing;
    expect((await listed(projectId)).map(({ status }) => status)).toEqual(['cancelled']);
  });
});
