import { aCaller, testDatabase } from '@works/platform/testing';
import { startProjects, type ProjectsService } from '../projects-service.examples';
import { DAY_MS, moved } from '../reactions/moved-clock.examples';
import { SetClockWhenTestClockAdvanced } from '../reactions/set-clock-when-test-clock-advanced';
import { billed } from './billed-milestones.examples';
import { answering, BillingServer } from './billing-server.examples';

// As webhook retries do: nobody who tries things out waits for an hour, and all that is told of a milestone is told by one clock.
describe('an invoice of test mode', () => {
  const caller = aCaller({ livemode: false });
  let billing: BillingServer;
  let service: ProjectsService;

  beforeAll(async () => {
    billing = await BillingServer.listen();
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log'), billing: billing.environment });
  });
  afterEach(() => billing.recover());
  afterAll(async () => {
    await service.stop();
    expect(billing.complaints).toEqual([]);
    await billing.close();
  });

  const clockIsAhead = (days: number, version: number) => service.app.get(SetClockWhenTestClockAdvanced).set(moved(caller, days, version));
  const aFailed = async (as = caller) => {
    const we = billed(service, as);
    const { id } = await we.milestone((await we.project()).id);
    // An hour: SK Billing may ask for it, and no spec waits for it.
    billing.fail(answering(503, { 'retry-after': '3600' }));
    await we.reach(id);
    const { invoice } = await we.becomes(id, { status: 'failed', attempts: 1 });
    return { we, id, nextAttemptAt: Date.parse(invoice!.next_attempt_at!) };
  };
  const isAbout = (ms: number, expected: number) => expect(Math.abs(ms - expected)).toBeLessThan(60_000);

  it('waits by the test clock: a move ends the wait, in live mode and for others nothing', async () => {
    const live = await aFailed({ ...caller, livemode: true });
    const other = await aFailed(aCaller({ livemode: false }));
    const { we, id } = await aFailed();
    billing.recover();
    await clockIsAhead(0.5 / 24, 1);
    await clockIsAhead(1, 2);
    const { invoice } = await we.becomes(id, { status: 'drafted', attempts: 2 });
    isAbout(Date.parse(invoice!.drafted_at!), Date.now() + DAY_MS);
    for (const { we: theirs, id: of } of [live, other])
      expect((await theirs.read(of)).invoice).toMatchObject({ status: 'failed', attempts: 1 });
  });

  it('that fails later says when it is tried again by that clock, and a move that ends before leaves it waiting', async () => {
    await clockIsAhead(2, 3);
    const { we, id, nextAttemptAt } = await aFailed();
    isAbout(nextAttemptAt, Date.now() + 2 * DAY_MS + 3_600_000);
    const due = async () =>
      (await service.query<{ ms: number }>(caller, 'select extract(epoch from due_at)::float8 * 1000 as ms from invoice_drafts'))[0]!.ms;
    isAbout(await due(), Date.now() + 3_600_000);
    await clockIsAhead(2 + 0.5 / 24, 4);
    await clockIsAhead(2 + 0.5 / 24, 4);
    isAbout(await due(), Date.now() + 1_800_000);
    billing.recover();
    await clockIsAhead(3, 5);
    await we.becomes(id, { status: 'drafted', attempts: 2 });
    const times = (await service.eventsOf(caller, id)).map((event) => event.public!.timestamp);
    expect(times).toEqual([...times].sort());
  });
});
