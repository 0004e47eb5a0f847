import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { EventStore } from '@works/platform/event-store';
import { newId } from '@works/platform/ids';
import { createLogger } from '@works/platform/logging';
import { WORKER_POOL } from '@works/platform/service';
import { TenantDatabase } from '@works/platform/tenancy';
import { aCaller, eventually, testDatabase } from '@works/platform/testing';
import { startProjects, type ProjectsService } from '../projects-service.examples';
import { billed } from './billed-milestones.examples';
import { Billing } from './billing';
import { answering, BILLING_KEYS, BillingServer, hanging } from './billing-server.examples';
import { InvoiceDrafter } from './invoice-drafter';
import { claimDueDrafts } from './statements';

describe('the workers that draft invoices', () => {
  const caller = aCaller();
  const workers: InvoiceDrafter[] = [];
  let billing: BillingServer;
  let service: ProjectsService;
  let we: ReturnType<typeof billed>;

  beforeAll(async () => {
    const { environment } = (billing = await BillingServer.listen());
    service = await startProjects({ own: await testDatabase('projects'), log: await testDatabase('log'), billing: environment });
    await billing.close();
    // The service itself only reaches milestones here; who drafts is said by each spec.
    await service.part(InvoiceDrafter).stop();
    we = billed(service, caller);
  });
  beforeEach(async () => {
    billing = await BillingServer.listen();
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    await service.write(caller, 'delete from invoice_drafts');
    expect(billing.complaints).toEqual([]);
    await billing.close();
  });
  afterAll(() => service.stop());

  const pool = () => service.part<Pool>(WORKER_POOL);
  const aWorker = ({ leaseSeconds = 30 } = {}) => {
    const worker = new InvoiceDrafter({
      billing: new Billing({ url: billing.url, keys: BILLING_KEYS }),
      workers: pool(),
      database: service.part(TenantDatabase),
      store: service.part(EventStore),
      registry: new Registry(),
      logger: createLogger({ name: 'spec', level: 'silent' }),
      leaseSeconds,
      graceMs: 50,
    });
    workers.push(worker);
    worker.start();
    return worker;
  };
  const claim = (limit = 100, leaseSeconds = 30) =>
    claimDueDrafts(pool(), { modes: [true], leaseToken: `${newId('wrk')}.1`, leaseSeconds, limit });
  const reached = async (count: number) => {
    const project = await we.project();
    const ids = [];
    for (let made = 0; made < count; made++) ids.push((await we.milestone(project.id)).id);
    for (const id of ids) await we.reach(id);
    return { ids, contactId: project.contact_id! };
  };
  /** All at the first attempt. In one question, since many at once would be what keeps the workers from their work. */
  const allDrafted = (ids: readonly string[]) =>
    eventually(async () => {
      const rows = await service.query<{ invoice: object }>(
        caller,
        `select state->'invoice' as invoice from milestones where id = any($1)`,
        [ids],
      );
      expect(rows.map(({ invoice }) => invoice)).toEqual(ids.map(() => expect.objectContaining({ status: 'drafted', attempts: 1 })));
    });
  const draftedEvents = async (id: string) => (await we.typesOf(id)).filter((type) => type === 'milestone.invoice_drafted');

  it('take each job once, however many claim at the same moment', async () => {
    await reached(12);
    const claims = (await Promise.all(Array.from({ length: 6 }, () => claim(5)))).flat();
    expect([claims.length, new Set(claims.map(({ eventId }) => eventId)).size]).toEqual([12, 12]);
    expect(await claim()).toEqual([]);
  });

  it('share the work: two of them draft each invoice once', async () => {
    const { ids } = await reached(30);
    aWorker();
    aWorker();
    await allDrafted(ids);
    expect([billing.drafts.length, billing.calls.length]).toEqual([30, 30]);
  });

  // The window that matters: SK Billing has the draft, and whoever asked for it died before writing down its id.
  it('that die between the draft and its recording leave it to the next one, who gets the same invoice', async () => {
    const { ids, contactId } = await reached(1);
    const [job] = await claim(1, 1);
    const dead = new Billing({ url: billing.url, keys: BILLING_KEYS });
    const { invoice } = (
      await service.query<{ invoice: { bills: never } }>(caller, `select state->'invoice' as invoice from milestones where id = $1`, ids)
    )[0]!;
    const made = await dead.draft({ idempotencyKey: job!.eventId, ...job!.tenant, contactId, bills: invoice.bills });
    await dead.close();
    aWorker();
    const milestone = await we.becomes(ids[0]!, { status: 'drafted' });
    expect(made).toEqual({ outcome: 'drafted', invoiceId: milestone.invoice!.id });
    expect([billing.drafts.length, billing.calls.length]).toEqual([1, 2]);
  });

  // The fencing token: whoever slept through a lease must not write over, or beside, what the successor wrote.
  it('that were too slow for their lease record nothing', async () => {
    const { ids } = await reached(1);
    let wakeUp: () => void = () => undefined;
    billing.once((response) => void (wakeUp = () => response.writeHead(500).end()), answering(503));
    aWorker({ leaseSeconds: 1 });
    await eventually(() => expect(billing.calls).toHaveLength(1));
    aWorker();
    const { version } = await we.becomes(ids[0]!, { status: 'failed', attempts: 1, error: 'SK Billing answered 503.' });
    wakeUp();
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    const after = await we.read(ids[0]!);
    expect([after.version, after.invoice!.error]).toEqual([version, 'SK Billing answered 503.']);
    expect(await we.jobs()).toHaveLength(1);
  });

  it('that are stopped give back what they have, for the next one to take at once', async () => {
    billing.fail(hanging);
    const { ids } = await reached(3);
    const stopped = aWorker();
    await eventually(() => expect(billing.calls).toHaveLength(3));
    await stopped.stop();
    expect(await Promise.all(ids.map(async (id) => (await we.read(id)).invoice!.status))).toEqual(['pending', 'pending', 'pending']);
    billing.recover();
    aWorker();
    await allDrafted(ids);
    expect(billing.drafts).toHaveLength(3);
  });

  it('end the jobs of the dead that nobody wants any more, without asking', async () => {
    const { ids } = await reached(1);
    await claim(1, 1);
    await we.reopen(ids[0]!);
    expect(await we.jobs()).toHaveLength(1);
    aWorker();
    await eventually(async () => expect(await we.jobs()).toEqual([]));
    expect(billing.calls).toEqual([]);
  });

  // A command that changes the milestone in the same instant makes the recording decide again, and neither is lost.
  it('record beside commands that change the same milestones', async () => {
    const { ids } = await reached(10);
    aWorker();
    const renamed = await Promise.all(ids.map((id, index) => we.patch(`/milestones/${id}`, { name: `Phase ${index}` })));
    expect(renamed.map(({ statusCode }) => statusCode)).toEqual(Array(10).fill(200));
    for (const [index, id] of ids.entries()) {
      const milestone = await we.becomes(id, { status: 'drafted' });
      expect([milestone.name, await draftedEvents(id)]).toEqual([`Phase ${index}`, ['milestone.invoice_drafted']]);
    }
  });
});
