import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { newId } from '@works/platform/ids';
import { eventually } from '@works/platform/testing';
import { BillingServer } from '../../apps/projects/src/invoices/billing-server.examples';
import { Api } from '../support/api';
import { Crm, type Deal } from '../support/crm';
import { follow, programIn } from '../support/guide';
import { freePort, Product, root } from '../support/product';

/** Guarantees that what the guides tell people to paste works, and answers what the guide says. */
describe('the guides', () => {
  let billing: BillingServer;
  let product: Product;

  beforeAll(async () => {
    billing = await BillingServer.listen();
    product = await Product.start('embedded', billing.environment);
  });
  afterAll(async () => {
    await product.stop();
    await billing.close();
  });

  const send = async (key: string, path: string, body: object) => {
    const headers = { authorization: `Bearer ${key}`, 'idempotency-key': randomUUID(), 'content-type': 'application/json' };
    const answer = await fetch(product.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return ((await answer.json()) as { id: string }).id;
  };
  const anEndpoint = (key: string) => send(key, '/webhook_endpoints', { url: 'https://example.com/hooks', events: ['task.created'] });

  it.each(readdirSync(join(root, 'docs/guides')))('%s: every command runs', async (guide) => {
    const key = product.organizations[0]!.test_key;
    const shown = await follow(guide, { API: product.url, KEY: key, ENDPOINT: await anEndpoint(key) });
    expect(shown.length).toBeGreaterThan(0);
    for (const { command, promised, answered, body } of shown) expect([command, answered, body]).toEqual([command, promised, body]);
  });

  // Guarantees that whoever presses Execute on the page of the document, before changing anything, sees it work.
  it('the document: every example of what can be made is taken as it stands', async () => {
    const { paths } = JSON.parse(readFileSync(join(root, 'docs/reference/openapi.json'), 'utf8')) as {
      paths: Record<string, { post?: { requestBody?: { content: Record<string, { example?: object }> } } }>;
    };
    const examples = Object.entries(paths).flatMap(([path, { post }]) => {
      const example = post?.requestBody?.content['application/json']?.example;
      return example === undefined || path.includes('{') ? [] : [[path, example] as const];
    });
    expect(examples.length).toBeGreaterThanOrEqual(6);
    const api = new Api(product.url, product.organizations[0]!.test_key);
    for (const [path, example] of examples) {
      const { status, text } = await api.post(path, example);
      expect([path, status < 300, text]).toEqual([path, true, text]);
    }
  });

  it('templates.md: the refusals are those that it shows', async () => {
    const shown = await follow('templates.md', { API: product.url, KEY: product.organizations[0]!.live_key });
    const refused = shown.filter(({ promised }) => promised === '422').map(({ body }) => JSON.parse(body).errors);
    expect(refused).toEqual([
      [{ pointer: '/milestones/0/tasks/0/depends_on/0', code: 'cycle', detail: 'waits for itself: a → b → a' }],
      [
        expect.objectContaining({ pointer: '/roles/site_engineer', code: 'role_missing' }),
        expect.objectContaining({ pointer: '/variables/floor_area', code: 'required' }),
        expect.objectContaining({ pointer: '/variables/area', code: 'unknown_field' }),
      ],
    ]);
  });

  it('milestones-and-billing.md: what it reaches twice is drafted twice, to the letter of the contract it shows', async () => {
    const before = billing.drafts.length;
    const shown = await follow('milestones-and-billing.md', { API: product.url, KEY: product.organizations[0]!.live_key });
    expect(shown.filter(({ promised }) => promised === '409').map(({ body }) => JSON.parse(body).code)).toEqual([
      'milestone_blocked',
      'no_invoice',
    ]);
    await eventually(() => expect(billing.drafts.length - before).toBe(2));
    const { id, key: _key, organizationId: _organization, ...draft } = billing.drafts.at(-1)!;
    expect(draft).toEqual({
      livemode: true,
      contact_id: 'ctc_01J9XW5T9ZQ0V7C2N4R8B6M3KG',
      items: [{ catalog_item_id: 'itm_01J9XW5T9ZQ0V7C2N4R8B6M3KH', qty: 2 }],
      due_in_days: 14,
    });
    expect([id, billing.complaints]).toEqual([expect.stringMatching(/^inv_/), []]);
  });

  it('dates-and-time-zones.md: both anchors lead to the plan that it names', async () => {
    const shown = await follow('dates-and-time-zones.md', { API: product.url, KEY: product.organizations[0]!.live_key });
    const plans = shown.filter(({ command }) => command.includes('dry_run')).map(({ body }) => JSON.parse(body));
    const span = { starts_on: '2026-11-23', due_on: '2027-02-13', dry_run: true };
    expect(plans).toEqual([expect.objectContaining(span), expect.objectContaining(span)]);
  });

  it('webhooks.md: the puller gets what happens, while it waits and without being asked', async () => {
    const key = product.organizations[0]!.live_key;
    const endpoint = await anEndpoint(key);
    const [, puller] = /```js\n\/\/ puller\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs/guides/webhooks.md'), 'utf8'))!;
    const reader = spawn(process.execPath, ['--input-type=module', '-e', puller!], {
      env: { ...process.env, API: product.url, KEY: key, ENDPOINT: endpoint },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pulled: string[] = [];
    createInterface(reader.stdout).on('line', (line) => pulled.push(line));
    for (const count of [1, 2, 3]) {
      await send(key, '/tasks', { title: 'Measure the glass partitions' });
      await eventually(() => expect(pulled).toHaveLength(count));
    }
    reader.kill('SIGKILL');
    expect(new Set(pulled).size).toBe(3);
  });

  describe('crm-integration.md', () => {
    it('has a request answered again, and another refused with the project that it wants', async () => {
      const shown = await follow('crm-integration.md', { API: product.url, KEY: product.organizations[0]!.live_key });
      const [first, again, reused, taken, , assigned, toAnother, back, list, reached] = shown.map(({ body }) => body) as [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
      ];
      const opened = JSON.parse(first.split('\r\n\r\n')[1]!);
      expect([first, again].map((answer) => /idempotent-replayed: true/i.test(answer))).toEqual([false, true]);
      expect(again.split('\r\n\r\n')[1]).toBe(first.split('\r\n\r\n')[1]);
      expect(JSON.parse(reused)).toMatchObject({ code: 'idempotency_key_reused' });
      expect(JSON.parse(taken)).toMatchObject({ code: 'reference_taken', project_id: opened.id, retryable: false });
      const assignees = [assigned, toAnother, back].map((answer) => (JSON.parse(answer) as { assignee_id: string }).assignee_id);
      expect(assignees).toEqual([assignees[0], expect.not.stringContaining(assignees[0]!), assignees[0]]);
      expect(JSON.parse(list).data).toEqual([expect.objectContaining({ id: opened.id, reference: 'D4711', name: 'Site fit-out' })]);
      for (const event of JSON.parse(reached).data) expect(event).toMatchObject({ type: 'milestone.reached' });
    });

    // The process is killed after the project was opened and before anybody was told; the CRM is read behind its time, and tells everything twice.
    it('has a program that gives a deal one project, whatever it dies of and in whatever order it is told', async () => {
      const api = new Api(product.url, product.organizations[0]!.live_key);
      const crm = await Crm.open();
      const port = await freePort();
      const receiver = `http://127.0.0.1:${port}`;
      const file = join(product.home, 'deals-to-projects.mjs');
      writeFileSync(file, programIn('crm-integration.md', 'deals-to-projects'));
      const env = { API: product.url, KEY: product.organizations[0]!.live_key, OWNER: newId('usr'), CRM: crm.url, PORT: String(port) };
      let program: ChildProcess | null = null;
      const start = async () => {
        program = spawn(process.execPath, [file], { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] });
        await eventually(async () => {
          const socket = connect(port, '127.0.0.1');
          await once(socket, 'connect');
          socket.destroy();
        });
      };
      const deal = (version: number, stage: Deal['stage'] = 'won'): Deal => ({ id: 'D4712', name: `Fit-out ${version}`, stage, version });
      const twice = () => Promise.all([crm.tell(receiver, 'D4712'), crm.tell(receiver, 'D4712')]);
      const project = async () => {
        const { data } = (await api.get('/projects?reference=D4712')).body as { data: { id: string; name: string; version: number }[] };
        expect(data).toHaveLength(1);
        return data[0]!;
      };
      try {
        crm.deals.set('D4712', deal(1, 'open'));
        await start();
        expect(await crm.tell(receiver, 'D4712')).toBe(204);
        crm.deals.set('D4712', deal(2));
        crm.insteadOfChanging = () => program!.kill('SIGKILL');
        expect(await crm.tell(receiver, 'D4712')).toBeNull();
        const opened = await project();

        crm.insteadOfChanging = null;
        crm.deals.set('D4712', deal(3));
        await start();
        await eventually(() => expect(crm.deals.get('D4712')!.project_id).toBe(opened.id));
        crm.deals.set('D4712', deal(5));
        expect(await twice()).toEqual([204, 204]);
        crm.stale = deal(4);
        expect(await twice()).toEqual([204, 204]);

        expect(await project()).toMatchObject({ id: opened.id, name: 'Fit-out 5', version: 3, metadata: { crm_version: '5' } });
        expect(crm.deals.get('D4712')!.project_id).toBe(opened.id);
        await eventually(async () => {
          const told = await api.all(`/events?subject=${opened.id}`);
          expect(told.map(({ type }) => type as string)).toEqual(['project.created', 'project.updated', 'project.updated']);
        });
      } finally {
        (program as ChildProcess | null)?.kill('SIGKILL');
        await crm.close();
      }
    });
  });
});
