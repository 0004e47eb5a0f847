import type { Milestone } from '@works/contracts/milestones';
import { aCaller, testDatabase } from '@works/platform/testing';
import { startProjects, type ProjectsService } from '../projects-service.examples';
import { billed } from './billed-milestones.examples';
import { BillingServer } from './billing-server.examples';

describe('SK Billing', () => {
  const caller = aCaller();
  const inTest = { ...caller, livemode: false };
  let billing: BillingServer;
  let without: ProjectsService;
  let liveOnly: ProjectsService;
  let both: ProjectsService;

  beforeAll(async () => {
    billing = await BillingServer.listen();
    const [own, log] = [await testDatabase('projects'), await testDatabase('log')];
    const shared = { own: { ...own, drop: async () => undefined }, log: { ...log, drop: async () => undefined } };
    const { BILLING_TEST_KEY: _test, ...live } = billing.environment;
    without = await startProjects(shared);
    liveOnly = await startProjects({ ...shared, billing: live });
    both = await startProjects({ own, log, billing: billing.environment });
  });
  afterAll(async () => {
    for (const service of [without, liveOnly, both]) await service.stop();
    expect(billing.complaints).toEqual([]);
    await billing.close();
  });

  it('that is not configured is not waited for: no invoice, and a retry says why', async () => {
    const we = billed(without, caller);
    const { id } = await we.milestone((await we.project()).id);
    expect((await we.reach(id)).json<Milestone>().invoice).toBeNull();
    const answer = await we.retry(id);
    expect([answer.statusCode, answer.json().code]).toEqual([409, 'billing_not_configured']);
    expect(await we.typesOf(id)).toEqual(['milestone.added', 'milestone.reached']);
    expect(await we.jobs()).toEqual([]);
  });

  it('that is configured later drafts what was reached before when it is asked to, under the same key', async () => {
    const before = billed(without, caller);
    const { id } = await before.milestone((await before.project()).id);
    await before.reach(id);
    const later = billed(both, caller);
    expect((await later.retry(id)).json<Milestone>().invoice).toMatchObject({ status: 'pending' });
    const { invoice } = await later.becomes(id, { status: 'drafted' });
    expect(billing.draftsFor((await later.eventIds(id, 'milestone.reached'))[0]!).map((draft) => draft.id)).toEqual([invoice!.id]);
  });

  // Guarantees that trying things out costs nobody anything.
  it('is asked for test mode with the key of test mode, and without one not at all', async () => {
    const [tried, drafts] = [billed(liveOnly, inTest), billed(both, inTest)];
    const { id } = await tried.milestone((await tried.project()).id);
    expect((await tried.reach(id)).json<Milestone>().invoice).toBeNull();
    expect((await tried.retry(id)).json().code).toBe('billing_not_configured');
    const other = await drafts.milestone((await drafts.project()).id);
    await drafts.reach(other.id);
    await drafts.becomes(other.id, { status: 'drafted' });
    expect(billing.draftsFor((await drafts.eventIds(other.id, 'milestone.reached'))[0]!)).toMatchObject([{ livemode: false }]);
  });
});
