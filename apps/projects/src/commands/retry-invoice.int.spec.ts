import type { Milestone } from '@works/contracts/milestones';
import { newId } from '@works/platform/ids';
import { aCaller, testDatabase } from '@works/platform/testing';
import { billed } from '../invoices/billed-milestones.examples';
import { answering, BillingServer, hanging, type Behaviour } from '../invoices/billing-server.examples';
import { startProjects, type ProjectsService } from '../projects-service.examples';

describe('POST /milestones/{id}/invoice/retry', () => {
  const caller = aCaller();
  let billing: BillingServer;
  let service: ProjectsService;
  let we: ReturnType<typeof billed>;

  beforeAll(async () => {
    billing = await BillingServer.listen();
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log'), billing: billing.environment });
    we = billed(service, caller);
  });
  afterEach(() => billing.recover());
  afterAll(async () => {
    await service.stop();
    await billing.close();
  });

  const aReached = async () => {
    const { id } = await we.milestone((await we.project()).id);
    await we.reach(id);
    return id;
  };
  /** What SK Billing does afterwards is said before it can be asked again. */
  const aRefused = async (afterwards: Behaviour | null = null) => {
    billing.fail(answering(422));
    const id = await aReached();
    await we.becomes(id, { status: 'failed' });
    if (afterwards === null) billing.recover();
    else billing.fail(afterwards);
    return id;
  };

  describe('200', () => {
    it('asks again, as GET then answers to the byte, and tells what had failed', async () => {
      const id = await aRefused(hanging);
      const before = await we.read(id);
      const answer = await we.retry(id);
      const expected = { status: 'pending', id: null, error: null, attempts: 0, drafted_at: null, next_attempt_at: null };
      expect([answer.statusCode, answer.headers['etag'], answer.json<Milestone>().invoice]).toEqual([200, 'W/"4"', expected]);
      expect((await service.as(caller).get(`/milestones/${id}`)).body).toBe(answer.body);
      expect((await service.eventsOf(caller, id)).at(-1)).toMatchObject({
        type: 'milestone.invoice_requested',
        public: { data: { milestone: answer.json(), invoice: expected, previous: { invoice: before.invoice } } },
      });
    });

    it('changes nothing while it is pending, or once it is drafted', async () => {
      const drafted = await aReached();
      await we.becomes(drafted, { status: 'drafted' });
      billing.fail(hanging);
      const pending = await aReached();
      for (const id of [pending, drafted]) {
        const types = await we.typesOf(id);
        const answer = await we.retry(id);
        expect([answer.statusCode, await we.typesOf(id)]).toEqual([200, types]);
      }
    });

    it('answers the same under the same key, and happens once for ten people at the same moment', async () => {
      const id = await aRefused(hanging);
      const key = { 'idempotency-key': newId('idem') };
      const first = await we.retry(id, key);
      const again = await we.retry(id, key);
      expect([again.body, again.headers['idempotent-replayed']]).toEqual([first.body, 'true']);
      const other = await aRefused(hanging);
      const answers = await Promise.all(Array.from({ length: 10 }, () => we.retry(other)));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(10).fill(200));
      expect((await we.typesOf(other)).filter((type) => type === 'milestone.invoice_requested')).toHaveLength(1);
    });

    it('also in a project that is closed', async () => {
      const project = await we.project(null);
      const { id } = await we.milestone(project.id);
      await we.reach(id);
      await we.becomes(id, { status: 'failed' });
      await we.patch(`/projects/${project.id}`, { contact_id: newId('ctc') });
      await we.post(`/projects/${project.id}/close`, { outcome: 'delivered' });
      expect((await we.retry(id)).statusCode).toBe(200);
      await we.becomes(id, { status: 'drafted' });
    });
  });

  it('409 no_invoice before it is reached, after it is reopened, and where it bills nothing', async () => {
    const project = await we.project();
    const [pending, free] = [await we.milestone(project.id), await we.milestone(project.id, { billing: null })];
    await we.reach(free.id);
    const reopened = await aReached();
    await we.reopen(reopened);
    for (const id of [pending.id, free.id, reopened]) {
      const answer = await we.retry(id);
      expect([answer.statusCode, answer.json().code]).toEqual([409, 'no_invoice']);
    }
  });

  // Guarantees that a stranger cannot learn whether a milestone exists: the same bytes as for an id that never was.
  it("404 for another organization's milestone and another mode's", async () => {
    const id = await aReached();
    const refusal = async (as: typeof caller, of: string) => {
      const answer = await billed(service, as).retry(of, { 'x-request-id': 'same' });
      return [answer.statusCode, answer.body];
    };
    const never = await refusal(caller, newId('mst'));
    expect(never[0]).toBe(404);
    expect(await refusal(aCaller(), id)).toEqual(never);
    expect(await refusal({ ...caller, livemode: !caller.livemode }, id)).toEqual(never);
  });

  it('412 when the milestone has changed since it was read, 403 without the scope', async () => {
    const id = await aRefused();
    expect((await we.retry(id, { 'if-match': 'W/"1"' })).statusCode).toBe(412);
    expect((await billed(service, { ...caller, scopes: ['projects:read'] }).retry(id)).statusCode).toBe(403);
  });
});
