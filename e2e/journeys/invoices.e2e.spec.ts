import { newId } from '@works/platform/ids';
import { eventually } from '@works/platform/testing';
import { BillingServer, hanging } from '../../apps/projects/src/invoices/billing-server.examples';
import { Api } from '../support/api';
import { Product } from '../support/product';

describe('a milestone that bills', () => {
  let billing: BillingServer;
  let product: Product;
  let api: Api;

  beforeAll(async () => {
    billing = await BillingServer.listen();
    product = await Product.start('embedded', billing.environment);
    api = new Api(product.url, product.organizations[0]!.live_key);
  });
  afterAll(async () => {
    await product.stop();
    await billing.close();
  });

  const aProject = async () =>
    (await api.post('/projects', { name: 'Showroom', owner_id: newId('usr'), contact_id: newId('ctc') })).body['id'] as string;
  const aMilestone = async (projectId: string, name: string) =>
    (
      await api.post(`/projects/${projectId}/milestones`, {
        name,
        billing: { items: [{ catalog_item_id: newId('itm'), qty: 1 }], due_in_days: 7 },
      })
    ).body['id'] as string;
  const invoiceOf = async (id: string) => (await api.insist('GET', `/milestones/${id}`)).body['invoice'] as Record<string, unknown> | null;
  const becomesDrafted = (id: string) =>
    eventually(async () => {
      const invoice = await invoiceOf(id);
      expect(invoice).toMatchObject({ status: 'drafted' });
      return invoice!;
    });
  const draftsOf = async (projectId: string) => {
    const reached = await api.all(`/events?project_id=${projectId}&type=milestone.reached`);
    return reached.map((event) => [event['subject'], billing.draftsFor(event['id'] as string).map(({ id }) => id)]);
  };

  it('is invoiced when its last task is completed, and the timeline tells so', async () => {
    const projectId = await aProject();
    const id = await aMilestone(projectId, 'Groundwork');
    const task = await api.post('/tasks', { title: 'Pour the floor', project_id: projectId, milestone_id: id });
    await api.post(`/tasks/${task.body['id'] as string}/complete`);
    const invoice = await becomesDrafted(id);
    await eventually(async () => {
      const phrases = (await api.all(`/projects/${projectId}/timeline`)).map((entry) => entry['text']);
      expect(phrases).toContain(`Invoice for milestone Groundwork drafted: ${invoice['id'] as string}`);
    });
    expect(await draftsOf(projectId)).toEqual([[id, [invoice['id']]]]);
  });

  // Nothing sold is ever quietly forgotten, and nothing is billed twice: neither what SK Billing had not begun when we died, nor what it had drafted.
  it('is invoiced once, also when the process is killed while SK Billing is at work', async () => {
    const projectId = await aProject();
    const [before, behind, during] = [
      await aMilestone(projectId, 'One'),
      await aMilestone(projectId, 'Two'),
      await aMilestone(projectId, 'Three'),
    ];
    billing.once(hanging, (_response, draft) => void draft());
    billing.fail(hanging);
    const calls = billing.calls.length;
    for (const id of [before, behind]) expect((await api.post(`/milestones/${id}/reach`)).status).toBe(200);
    await eventually(() => expect(billing.calls.length).toBe(calls + 2));
    product.kill('projects');
    expect((await api.insist('POST', `/milestones/${during}/reach`)).status).toBe(200);
    billing.recover();
    const ids = [before, behind, during];
    const invoices = await Promise.all(ids.map((id) => becomesDrafted(id)));
    const drafts = new Map((await draftsOf(projectId)) as [string, string[]][]);
    expect(ids.map((id) => drafts.get(id))).toEqual(invoices.map((invoice) => [invoice['id']]));
    expect(billing.complaints).toEqual([]);
    const drafted = await eventually(async () => {
      const events = await api.all(`/events?project_id=${projectId}&type=milestone.invoice_drafted`);
      expect(events).toHaveLength(3);
      return events;
    });
    expect(drafted.map((event) => event['subject']).sort()).toEqual(ids.sort());
  });

  it('has documents that a rebuild finds nothing wrong with', async () => {
    expect(await product.works('rebuild', 'projects', '--check')).toMatch(/ events, 0 differences,/);
  });
});
