import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExpandedProject, PlannedProject } from '@works/contracts/projects';
import type { Task } from '@works/contracts/tasks';
import { CALLER_HEADER, verifyCaller } from '@works/platform/caller';
import { deriveKey } from '@works/platform/config';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { A_TASK, SECRET, startProjects, tasksOf, type ProjectsService } from '../projects-service.examples';

/** The tasks service as projects sees it from outside: lists of tasks in pages, newest first, and how far it has published. */
class Tasks {
  readonly asked: { url: URL; headers: IncomingMessage['headers'] }[] = [];
  tasks: Task[] = [];
  refusal: { status: number; body: object } | null = null;
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const url = new URL(request.url!, 'http://tasks');
      const answer = (status: number, body: object) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      const progress = { epoch: 'e0000001', settled: '0', published: '0' };
      if (url.pathname === '/internal/progress') return answer(200, progress);
      if (url.pathname === '/internal/facts') return answer(200, { ...progress, messages: [], standing: ['0'], next: null });
      this.asked.push({ url, headers: request.headers });
      if (this.refusal !== null) return answer(this.refusal.status, this.refusal.body);
      const from = Number(url.searchParams.get('cursor') ?? 0);
      const to = from + Number(url.searchParams.get('limit'));
      const newestFirst = [...this.tasks].reverse();
      const more = to < newestFirst.length;
      return answer(200, { object: 'list', data: newestFirst.slice(from, to), has_more: more, next_cursor: more ? String(to) : null });
    });
  }
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describe('GET /projects/{id}?expand=milestones.tasks', () => {
  const caller = aCaller();
  let tasks: Tasks;
  let service: ProjectsService;
  let planned: PlannedProject;

  beforeAll(async () => {
    tasks = new Tasks();
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log'), tasksUrl: await tasks.start() });
    planned = (
      await service.as(caller).post('/projects', { name: 'Fit-out', owner_id: newId('usr'), template: 'fitout_v2' })
    ).json<PlannedProject>();
  });
  beforeEach(() => {
    tasks.asked.length = 0;
    tasks.refusal = null;
    tasks.tasks = planned.milestones.flatMap((_, index) => tasksOf(planned, index));
  });
  afterAll(async () => {
    await service.stop();
    await tasks.stop();
  });

  const get = (id = planned.id, as = caller, headers: Record<string, string> = {}, expand = 'milestones,milestones.tasks') =>
    service.as(as).get(`/projects/${id}?expand=${expand}`, headers);

  it('200 with what POST had answered, to the byte', async () => {
    for (const expand of ['milestones,milestones.tasks', 'milestones.tasks'])
      expect((await get(planned.id, caller, {}, expand)).body).toBe(JSON.stringify(planned));
  });

  it('200 with all tasks, however many pages they fill; those of no milestone are in none', async () => {
    const milestone_id = planned.milestones[1]!.id;
    const more = Array.from({ length: 250 }, () => ({ ...A_TASK, id: newId('tsk'), project_id: planned.id, milestone_id }));
    tasks.tasks = [...tasks.tasks, ...more, { ...A_TASK, id: newId('tsk'), project_id: planned.id }];
    const { milestones } = (await get()).json<ExpandedProject>();
    expect(milestones!.map((milestone) => milestone.tasks!.length)).toEqual(
      planned.milestones.map((one, n) => one.tasks.length + (n === 1 ? 250 : 0)),
    );
    expect(milestones![1]!.tasks!.map(({ id }) => id)).toEqual([...tasksOf(planned, 1), ...more].map(({ id }) => id));
    expect(tasks.asked).toHaveLength(3);
  });

  // What makes row-level security, scopes and reading one's own writes hold over there as they do here.
  it('asks as the same caller, and for nothing older than the caller has seen', async () => {
    await get(planned.id, caller, { 'works-position': 'projects:5,tasks:7', 'x-request-id': 'same' });
    const { url, headers } = tasks.asked[0]!;
    expect(url.searchParams.get('project_id')).toBe(planned.id);
    expect(headers).toMatchObject({ 'works-position': 'projects:5,tasks:7', 'x-request-id': 'same' });
    expect(verifyCaller(headers[CALLER_HEADER] as string, deriveKey(SECRET, 'caller'), Date.now())?.caller).toEqual(caller);
  });

  it('403 for a key that may not read tasks, whether the project exists or not, and nobody is asked', async () => {
    const reader = { ...caller, scopes: ['projects:read'] };
    for (const id of [planned.id, newId('prj')]) {
      const answer = await get(id, reader);
      expect([answer.statusCode, answer.json()]).toEqual([403, expect.objectContaining({ code: 'scope_missing', scope: 'tasks:read' })]);
    }
    expect((await get(planned.id, reader, {}, 'milestones')).statusCode).toBe(200);
    expect(tasks.asked).toEqual([]);
  });

  it("404 for another organization's project, and nobody is asked", async () => {
    for (const stranger of [aCaller(), { ...caller, livemode: !caller.livemode }])
      expect((await get(planned.id, stranger)).statusCode).toBe(404);
    expect(tasks.asked).toEqual([]);
  });

  it('503 while tasks cannot be had, and what does not need them goes on', async () => {
    tasks.refusal = { status: 503, body: { code: 'not_caught_up', detail: 'What was written at projects has not arrived here yet.' } };
    const behind = await get();
    expect([behind.statusCode, behind.json().code, behind.headers['retry-after']]).toEqual([503, 'not_caught_up', '1']);
    tasks.refusal = { status: 500, body: { detail: 'a secret of theirs' } };
    const broken = await get();
    expect([broken.statusCode, broken.json().code]).toEqual([503, 'unavailable']);
    expect(broken.body).not.toContain('secret');
    expect((await get(planned.id, caller, {}, 'milestones')).statusCode).toBe(200);
  });
});
