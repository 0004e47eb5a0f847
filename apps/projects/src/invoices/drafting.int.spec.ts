import type { Milestone } from '@works/contracts/milestones';
import type { DomainEvent } from '@works/platform/decider';
import { newId } from '@works/platform/ids';
import { aCaller, eventually, testDatabase } from '@works/platform/testing';
import { milestones } from '../aggregates';
import { A_TASK, completed, news, startProjects, type ProjectsService } from '../projects-service.examples';
import { BILLING, billed } from './billed-milestones.examples';
import { answer, answering, BillingServer, hanging, type Behaviour } from './billing-server.examples';
import { InvoiceDrafter } from './invoice-drafter';

describe('the invoice of a reached milestone', () => {
  const caller = aCaller();
  let billing: BillingServer;
  let service: ProjectsService;
  let we: ReturnType<typeof billed>;

  beforeAll(async () => {
    billing = await BillingServer.listen();
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log'), billing: billing.environment });
    we = billed(service, caller);
  });
  afterEach(() => {
    billing.recover();
    expect(billing.complaints.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await service.stop();
    await billing.close();
  });

  const wake = () => service.part(InvoiceDrafter).wake();
  const passTime = async () => {
    await we.letTimePass();
    wake();
  };
  const aReached = async (contactId?: string | null) => {
    const project = await we.project(contactId);
    const { id } = await we.milestone(project.id);
    const answered = (await we.reach(id)).json<Milestone>();
    return { id, project, answered };
  };

  it('is pending in the answer, drafted soon, and told of, as reading then answers', async () => {
    const { id, project, answered } = await aReached();
    expect(answered.invoice).toEqual({ status: 'pending', id: null, error: null, attempts: 0, drafted_at: null, next_attempt_at: null });
    const milestone = await we.becomes(id, { status: 'drafted', attempts: 1, error: null });
    const [reached] = await we.eventIds(id, 'milestone.reached');
    expect(billing.draftsFor(reached!)).toEqual([
      {
        ...{ id: milestone.invoice!.id, key: reached, organizationId: caller.organizationId, livemode: true },
        ...{ contact_id: project.contact_id, ...BILLING },
      },
    ]);
    const events = await service.eventsOf(caller, id);
    expect(events.map(({ type }) => type)).toEqual(['milestone.added', 'milestone.reached', 'milestone.invoice_drafted']);
    expect(events[1]!.public!.data).toEqual({ milestone: answered, previous: { status: 'pending', invoice: null } });
    expect(events[2]).toMatchObject({
      log_key: project.id,
      public: {
        actor: { type: 'system', id: 'sk_billing' },
        data: { milestone, invoice: milestone.invoice, previous: { invoice: answered.invoice } },
      },
    });
    expect(await we.jobs()).toEqual([]);
  });

  it('is asked for by the last task too, and where a sign-off is no longer required', async () => {
    const project = await we.project();
    const [byTask, freed] = [await we.milestone(project.id), await we.milestone(project.id, { requires_sign_off: true })];
    for (const { id: milestone_id } of [byTask, freed]) {
      const task = { ...A_TASK, id: newId('tsk'), project_id: project.id, milestone_id };
      await service.hear(news(caller, task, 'open', { version: 1 }));
      await service.hear(completed(caller, task));
    }
    await we.becomes(byTask.id, { status: 'drafted' });
    expect((await we.read(freed.id)).invoice).toBeNull();
    await we.patch(`/milestones/${freed.id}`, { requires_sign_off: false, billing: { ...BILLING, due_in_days: 30 } });
    await we.becomes(freed.id, { status: 'drafted' });
    expect(billing.drafts.at(-1)).toMatchObject({ due_in_days: 30 });
  });

  it('is none where the milestone bills nothing', async () => {
    const { id } = await we.milestone((await we.project()).id, { billing: null });
    expect((await we.reach(id)).json<Milestone>().invoice).toBeNull();
    expect((await service.eventsOf(caller, id)).at(-1)!.public!.data).toMatchObject({ previous: { status: 'pending' } });
    expect(await we.jobs()).toEqual([]);
  });

  describe('while SK Billing is down', () => {
    it('says why, how often and when again, and is drafted once when SK Billing is back', async () => {
      billing.fail(answering(503));
      const { id } = await aReached();
      const first = await we.becomes(id, { status: 'failed', attempts: 1, error: 'SK Billing answered 503.' });
      const waitMs = Date.parse(first.invoice!.next_attempt_at!) - Date.parse(first.updated_at);
      expect([waitMs >= 5_000, waitMs <= 5_500]).toEqual([true, true]);
      await passTime();
      await we.becomes(id, { status: 'failed', attempts: 2 });
      billing.recover();
      await passTime();
      await we.becomes(id, { status: 'drafted', attempts: 3, error: null, next_attempt_at: null });
      const [reached] = await we.eventIds(id, 'milestone.reached');
      expect([billing.calls.filter((key) => key === reached).length, billing.draftsFor(reached!).length]).toEqual([3, 1]);
      const told = (await service.eventsOf(caller, id)).slice(2).map((event) => event.public!.data['invoice']);
      expect(told).toMatchObject([{ attempts: 1 }, { attempts: 2 }, { status: 'drafted', attempts: 3 }]);
    });

    it('waits for as long as SK Billing asks', async () => {
      billing.once(answering(429, { 'retry-after': '600' }));
      const { id } = await aReached();
      const { invoice, updated_at } = await we.becomes(id, { status: 'failed' });
      expect(Date.parse(invoice!.next_attempt_at!) - Date.parse(updated_at)).toBeGreaterThan(598_000);
    });

    // The same key with another body would be refused: what the first attempt said stays said.
    it('repeats the same body, also when the contact of the project changes in between', async () => {
      billing.once(answering(500));
      const { id, project } = await aReached();
      await we.becomes(id, { status: 'failed' });
      await we.patch(`/projects/${project.id}`, { contact_id: newId('ctc') });
      await passTime();
      await we.becomes(id, { status: 'drafted' });
      const [reached] = await we.eventIds(id, 'milestone.reached');
      expect(billing.draftsFor(reached!)).toMatchObject([{ contact_id: project.contact_id }]);
    });

    it('can see its project closed, and is drafted all the same', async () => {
      billing.once(answering(500));
      const { id, project } = await aReached();
      await we.becomes(id, { status: 'failed' });
      expect((await we.post(`/projects/${project.id}/close`, { outcome: 'delivered' })).statusCode).toBe(200);
      await passTime();
      await we.becomes(id, { status: 'drafted' });
    });

    it('gives up after a hundred attempts, in sight', async () => {
      billing.once(answering(500));
      const { id } = await aReached();
      await we.becomes(id, { status: 'failed' });
      await service.write(caller, `update milestones set state = jsonb_set(state, '{invoice,attempts}', '99') where id = $1`, [id]);
      billing.once(answering(500));
      await passTime();
      await we.becomes(id, { status: 'failed', attempts: 100, next_attempt_at: null });
      expect(await we.jobs()).not.toContainEqual(expect.objectContaining({ event_id: (await we.eventIds(id, 'milestone.reached'))[0] }));
    });
  });

  it('that SK Billing refuses waits for a word, and a retry asks again with the contact as it is then', async () => {
    billing.once((response) => answer(response, { status: 422, body: { detail: 'The contact has no address.' } }));
    const { id, project } = await aReached();
    const refused = { status: 'failed', attempts: 1, error: 'SK Billing answered 422: The contact has no address.', next_attempt_at: null };
    await we.becomes(id, refused);
    const contact_id = newId('ctc');
    await we.patch(`/projects/${project.id}`, { contact_id });
    expect((await we.retry(id)).json<Milestone>().invoice).toMatchObject({ status: 'pending', attempts: 0, error: null });
    await we.becomes(id, { status: 'drafted', attempts: 1 });
    const [reached] = await we.eventIds(id, 'milestone.reached');
    expect(billing.draftsFor(reached!)).toMatchObject([{ contact_id }]);
  });

  it('of a project without a contact says so, and is drafted by a retry once there is one', async () => {
    const calls = billing.calls.length;
    const { id, project } = await aReached(null);
    await we.becomes(id, { status: 'failed', attempts: 0, error: expect.stringContaining('contact_id'), next_attempt_at: null });
    expect(billing.calls.length).toBe(calls);
    await we.patch(`/projects/${project.id}`, { contact_id: newId('ctc') });
    await we.retry(id);
    await we.becomes(id, { status: 'drafted' });
  });

  describe('when the milestone is reopened', () => {
    it('is void with its draft, told with what it was, and reaching again drafts another', async () => {
      const { id } = await aReached();
      const { invoice } = await we.becomes(id, { status: 'drafted' });
      const reopened = (await we.reopen(id)).json<Milestone>();
      expect(reopened.invoice).toEqual({ ...invoice, status: 'void' });
      expect((await service.eventsOf(caller, id)).at(-1)!.public!.data).toMatchObject({ milestone: reopened, previous: { invoice } });
      await we.reach(id);
      const again = await we.becomes(id, { status: 'drafted' });
      expect(again.invoice!.id).not.toBe(invoice!.id);
      const keys = await we.eventIds(id, 'milestone.reached');
      expect(keys.map((key) => billing.draftsFor(key).map((draft) => draft.id))).toEqual([[invoice!.id], [again.invoice!.id]]);
    });

    it('is not asked for any more', async () => {
      billing.fail(answering(500));
      const { id } = await aReached();
      await we.becomes(id, { status: 'failed' });
      const calls = billing.calls.length;
      expect((await we.reopen(id)).json<Milestone>().invoice).toMatchObject({ status: 'void', id: null });
      await passTime();
      const key = (await we.eventIds(id, 'milestone.reached'))[0];
      await eventually(async () => expect((await we.jobs()).map(({ event_id }) => event_id)).not.toContain(key));
      expect(billing.calls.slice(calls)).not.toContain(key);
    });

    /** SK Billing drafts, and answers when it is told to. */
    function slowly() {
      let go: () => void = () => undefined;
      const behaviour: Behaviour = (response, draft) => void (go = () => answer(response, draft()));
      billing.once(behaviour);
      return { answer: () => go() };
    }

    // Whoever compensates has to learn of a draft that came into being behind the reopening.
    it('while SK Billing is at work, is void with the draft once SK Billing has answered', async () => {
      const slow = slowly();
      const calls = billing.calls.length;
      const { id } = await aReached();
      await eventually(() => expect(billing.calls.length).toBe(calls + 1));
      expect((await we.reopen(id)).json<Milestone>().invoice).toMatchObject({ status: 'void', id: null });
      slow.answer();
      const late = await we.becomes(id, { status: 'void', id: expect.stringMatching(/^inv_/), drafted_at: expect.any(String) });
      expect((await service.eventsOf(caller, id)).at(-1)).toMatchObject({
        type: 'milestone.invoice_drafted',
        public: { data: { milestone: late, invoice: late.invoice, previous: { invoice: { status: 'void', id: null } } } },
      });
    });

    it('and reached again while SK Billing is at work, leaves neither draft untold', async () => {
      const slow = slowly();
      const calls = billing.calls.length;
      const { id } = await aReached();
      await eventually(() => expect(billing.calls.length).toBe(calls + 1));
      await we.reopen(id);
      await we.reach(id);
      const { invoice } = await we.becomes(id, { status: 'drafted' });
      slow.answer();
      const last = await eventually(async () => {
        const drafted = (await service.eventsOf(caller, id)).filter(({ type }) => type === 'milestone.invoice_drafted');
        expect(drafted).toHaveLength(2);
        return drafted[1]!.public!.data;
      });
      const [first] = await we.eventIds(id, 'milestone.reached');
      expect(last).toMatchObject({
        milestone: { invoice },
        invoice: { status: 'void', id: billing.draftsFor(first!)[0]!.id },
        previous: {},
      });
      expect((await we.read(id)).invoice).toEqual(invoice);
    });
  });

  // Guarantees that a rebuild finds nothing to mend.
  it('is what folding the events gives', async () => {
    const rows = await service.query<{ id: string; version: number; state: unknown }>(caller, 'select id, version, state from milestones');
    const ids = rows.filter(({ state }) => (state as { invoice?: { attempts: number } }).invoice?.attempts !== 100).map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(8);
    for (const id of ids) {
      const events = await service.query<DomainEvent>(caller, 'select type, data from events where stream_id = $1 order by version', [id]);
      const folded = events.reduce<unknown>((state, event) => milestones.evolve(state as never, event as never), null);
      expect(rows.find((row) => row.id === id)).toEqual({ id, version: events.length, state: folded });
    }
  });

  // Not a word to a stranger: neither of the milestone nor of its job.
  it('and the job behind it are not to be seen by another organization', async () => {
    billing.fail(hanging);
    await aReached();
    await eventually(async () => expect((await we.jobs()).length).toBeGreaterThan(0));
    expect(await service.query(aCaller(), 'select 1 from invoice_drafts')).toEqual([]);
    expect(await service.query({ ...caller, livemode: false }, 'select 1 from invoice_drafts')).toEqual([]);
  });
});
