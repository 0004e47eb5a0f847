import fc from 'fast-check';
import type { Milestone } from '@works/contracts/milestones';
import type { PlannedProject } from '@works/contracts/projects';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { completed, startProjects, tasksOf, type ProjectsService } from '../projects-service.examples';

describe('PATCH /milestones/{id}', () => {
  const caller = aCaller();
  let service: ProjectsService;

  beforeAll(async () => {
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log') });
  });
  afterAll(() => service.stop());

  const aFitout = async () =>
    (await service.as(caller).post('/projects', { name: 'Fit-out', owner_id: newId('usr'), template: 'fitout_v2' })).json<PlannedProject>();
  const patch = (id: string, body: object, headers: Record<string, string> = {}) =>
    service.as(caller).patch(`/milestones/${id}`, body, headers);
  const statusOf = async ({ id }: PlannedProject) =>
    (await service.as(caller).get(`/projects/${id}/milestones`)).json<{ data: Milestone[] }>().data;
  const typesOf = async (id: string) => (await service.eventsOf(caller, id)).map(({ type }) => type);
  const finish = (project: PlannedProject, index: number) =>
    service.hear(...tasksOf(project, index).map((task) => completed(caller, task)));

  describe('200', () => {
    it('changes what is named and keeps the rest, as GET then answers to the byte', async () => {
      const project = await aFitout();
      const { tasks: _, ...before } = project.milestones[0]!;
      const changes = { name: 'Survey', due_on: null, requires_sign_off: true, billing: null };
      const answer = await patch(before.id, changes);
      const after = answer.json<Milestone>();
      expect([answer.statusCode, answer.headers['etag']]).toEqual([200, 'W/"2"']);
      const blocked_by = [...before.blocked_by, { kind: 'sign_off', id: before.id, title: 'Sign-off' }];
      expect(after).toEqual({ ...before, ...changes, blocked_by, updated_at: after.updated_at, version: 2 });
      expect(JSON.stringify((await statusOf(project))[0])).toBe(answer.body);
    });

    it('tells everybody what it was before, and only of what has changed', async () => {
      const project = await aFitout();
      const { id, name, requires_sign_off, billing } = project.milestones[0]!;
      const after = (await patch(id, { name: 'Survey', requires_sign_off, billing })).json<Milestone>();
      expect((await service.eventsOf(caller, id)).at(-1)).toMatchObject({ type: 'milestone.updated', log_key: project.id });
      expect((await service.eventsOf(caller, id)).at(-1)!.public!.data).toEqual({ milestone: after, previous: { name } });
    });

    it('changes nothing when all of it is so already', async () => {
      const { milestones } = await aFitout();
      const { id, name, position, billing, due_on } = milestones[1]!;
      expect((await patch(id, { name, position, billing, due_on })).json<Milestone>().version).toBe(1);
      expect(await typesOf(id)).toEqual(['milestone.added']);
    });

    it('moves it, and those in between make room and tell so', async () => {
      const project = await aFitout();
      const [a, b, c, d, e] = project.milestones.map(({ id }) => id);
      expect((await patch(d!, { position: 2 })).json<Milestone>().position).toBe(2);
      const list = await statusOf(project);
      expect(list.map(({ id }) => id)).toEqual([a, d, b, c, e]);
      expect(list.map(({ position, version }) => [position, version])).toEqual([
        [1, 1],
        [2, 2],
        [3, 2],
        [4, 2],
        [5, 1],
      ]);
      expect((await service.eventsOf(caller, b!)).at(-1)!.public!.data).toEqual({ milestone: list[2], previous: { position: 2 } });
    });

    // No aggregate owns the order; whatever moves happen side by side, the places stay 1 to n.
    it('leaves no gap and no place given twice, however many move at the same moment', async () => {
      const place = fc.integer({ min: 1, max: 5 });
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), place), { minLength: 2, maxLength: 8 }), async (moves) => {
          const project = await aFitout();
          const answers = await Promise.all(moves.map(([index, position]) => patch(project.milestones[index]!.id, { position })));
          expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
          const list = await statusOf(project);
          expect(list.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5]);
          expect(new Set(list.map(({ id }) => id)).size).toBe(5);
        }),
        { numRuns: 12 },
      );
    });

    describe('without its sign-off', () => {
      it('it reaches at once when its tasks are done', async () => {
        const project = await aFitout();
        const { id } = project.milestones[4]!;
        await finish(project, 4);
        const answer = await patch(id, { requires_sign_off: false });
        expect(answer.json()).toMatchObject({ status: 'reached', sign_off: null, requires_sign_off: false, version: 3 });
        expect(JSON.stringify((await statusOf(project))[4])).toBe(answer.body);
        expect(await typesOf(id)).toEqual(['milestone.added', 'milestone.updated', 'milestone.reached']);
      });

      it('it goes on waiting for its open tasks, and then reaches by itself', async () => {
        const project = await aFitout();
        const { id } = project.milestones[4]!;
        expect((await patch(id, { requires_sign_off: false })).json()).toMatchObject({ status: 'pending' });
        await finish(project, 4);
        expect(await typesOf(id)).toEqual(['milestone.added', 'milestone.updated', 'milestone.reached']);
      });

      // Each side alone sees the other's word as not yet said: the reaction a sign-off that is required, the command an open task.
      it('it is reached once when its last task ends at the same moment', async () => {
        const projects = await Promise.all(Array.from({ length: 25 }, () => aFitout()));
        for (const project of projects) {
          const { id } = project.milestones[4]!;
          const [last, ...others] = tasksOf(project, 4);
          await service.hear(...others.map((task) => completed(caller, task)));
          await Promise.all([service.hear(completed(caller, last!)), patch(id, { requires_sign_off: false })]);
          expect(await typesOf(id)).toEqual(['milestone.added', 'milestone.updated', 'milestone.reached']);
        }
      });
    });
  });

  it('409 project_closed once the project is closed', async () => {
    const project = await aFitout();
    await service.as(caller).post(`/projects/${project.id}/close`, { outcome: 'cancelled' });
    const answer = await patch(project.milestones[0]!.id, { position: 2 });
    expect([answer.statusCode, answer.json().code]).toEqual([409, 'project_closed']);
    expect((await statusOf(project)).map(({ position }) => position)).toEqual([1, 2, 3, 4, 5]);
  });

  it.each<[string, object, string[]]>([
    ['a place that would leave a gap', { position: 6 }, ['/position']],
    ['what cannot be changed', { status: 'reached', key: 'other' }, ['/key', '/status']],
    ['no name and no flag', { name: null, requires_sign_off: null }, ['/name', '/requires_sign_off']],
  ])('422 for %s', async (_, body, pointers) => {
    const { milestones } = await aFitout();
    const answer = await patch(milestones[0]!.id, body);
    expect([answer.statusCode, answer.json().errors.map(({ pointer }) => pointer)]).toEqual([422, pointers]);
  });

  // Guarantees that a stranger cannot learn whether a milestone exists: the same bytes as for an id that never was.
  it("404 for another organization's milestone and another mode's", async () => {
    const { milestones } = await aFitout();
    const refusal = async (as: typeof caller, id: string) => {
      const answer = await service.as(as).patch(`/milestones/${id}`, { name: 'Mine' }, { 'x-request-id': 'same' });
      return [answer.statusCode, answer.body];
    };
    const never = await refusal(caller, newId('mst'));
    expect(never[0]).toBe(404);
    expect(await refusal(aCaller(), milestones[0]!.id)).toEqual(never);
    expect(await refusal({ ...caller, livemode: !caller.livemode }, milestones[0]!.id)).toEqual(never);
  });

  it('412 when the milestone has changed since it was read, 403 without the scope', async () => {
    const { milestones } = await aFitout();
    const { id } = milestones[0]!;
    expect((await patch(id, { name: 'Survey' }, { 'if-match': 'W/"2"' })).statusCode).toBe(412);
    expect((await service.as({ ...caller, scopes: ['projects:read'] }).patch(`/milestones/${id}`, { name: 'Mine' })).statusCode).toBe(403);
  });
});
