import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { newId } from '@works/platform/ids';
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { Crm, type Deal } from '../support/crm';
import { follow, programIn } from '../support/guide';
import { freePort, Product, root } from '../support/product';

/** Guarantees that what the guides tell people to paste works, and answers what the guide says. */
describe('the guides', () => {
  let product: Product;

  beforeAll(async () => {
    product = await Product.start();
  }, 90_000);
  afterAll(() => product.stop(), 30_000);

  it.each(readdirSync(join(root, 'docs/guides')))('%s: every command runs', async (guide) => {
    const shown = await follow(guide, { API: product.url, KEY: product.organizations[0]!.test_key });
    expect(shown.length).toBeGreaterThan(0);
    for (const { command, promised, answered, body } of shown) expect([command, answered, body]).toEqual([command, promised, body]);
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

  it('dates-and-time-zones.md: both anchors lead to the plan that it names', async () => {
    const shown = await follow('dates-and-time-zones.md', { API: product.url, KEY: product.organizations[0]!.live_key });
    const plans = shown.filter(({ command }) => command.includes('dry_run')).map(({ body }) => JSON.parse(body));
    const span = { starts_on: '2026-11-23', due_on: '2027-02-13', dry_run: true };
    expect(plans).toEqual([expect.objectContaining(span), expect.objectContaining(span)]);
  });

  describe('crm-integration.md', () => {
    it('has a request answered again, and another refused with the project that it wants', async () => {
      const shown = await follow('crm-integration.md', { API: product.url, KEY: product.organizations[0]!.live_key });
      const [first, again, reused, taken, list, reached] = shown.map(({ body }) => body) as [
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
      expect(JSON.parse(list).data).toEqual([expect.objectContaining({ id: opened.id, reference: 'D4711', name: 'Site fit-out' })]);
      expect(JSON.parse(reached).data).toEqual([]);
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
        await eventually(
          async () => {
            const socket = connect(port, '127.0.0.1');
            await once(socket, 'connect');
            socket.destroy();
          },
          { withinMs: 20_000 },
        );
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
        await eventually(() => expect(crm.deals.get('D4712')!.project_id).toBe(opened.id), { withinMs: 10_000 });
        crm.deals.set('D4712', deal(5));
        expect(await twice()).toEqual([204, 204]);
        crm.stale = deal(4);
        expect(await twice()).toEqual([204, 204]);

        expect(await project()).toMatchObject({ id: opened.id, name: 'Fit-out 5', version: 3, metadata: { crm_version: '5' } });
        expect(crm.deals.get('D4712')!.project_id).toBe(opened.id);
        await eventually(
          async () => {
            const told = await api.all(`/events?subject=${opened.id}`);
            expect(told.map(({ type }) => type as string)).toEqual(['project.created', 'project.updated', 'project.updated']);
          },
          { withinMs: 10_000 },
        );
      } finally {
        (program as ChildProcess | null)?.kill('SIGKILL');
        await crm.close();
      }
    }, 60_000);
  });
});
