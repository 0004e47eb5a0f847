import { existsSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { EmbeddedServer } from '@works/platform/postgres';
import { newId } from '@works/platform/ids';
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { Product } from '../support/product';

const CLIENTS = 4;
/** Between two requests of a client: busy all the time, and no backlog that takes longer to tell than to write. */
const PACE_MS = 25;
const PROJECTS = 3;

interface Accepted {
  id: string;
  at: number;
}

/** What was answered is in the next backup; and a product that is restored from it has forgotten nothing and told nothing twice. */
describe('a backup under load, restored into a new home', () => {
  const folder = mkdtempSync(join(tmpdir(), 'works-e2e-backup-'));
  const backup = join(folder, 'backup');
  const products: Product[] = [];

  afterAll(async () => {
    await Promise.all(products.map((product) => product.stop()));
    await rm(folder, { recursive: true, force: true });
  });

  it('has every mutation that was answered before it began, tells each fact once, and goes on', async () => {
    const original = await Product.start();
    products.push(original);
    const { live_key } = original.organizations[0]!;
    const load = drive(new Api(original.url, live_key));
    await eventually(() => expect(load.accepted.length).toBeGreaterThan(40));

    const beganAt = performance.now();
    await original.works('backup', backup);
    const some = load.accepted.length + 20;
    await eventually(() => expect(load.accepted.length).toBeGreaterThan(some));
    await load.end();
    await original.interrupt();

    const home = join(folder, 'home');
    await Product.works(home, 'restore', backup);
    const restored = await Product.start('embedded', {}, home);
    products.push(restored);
    const api = new Api(restored.url, live_key);

    // A reaction that had still to happen: each project has the tasks of its template.
    const before = load.accepted.filter(({ at }) => at < beganAt).map(({ id }) => id);
    expect(before.length).toBeGreaterThan(40);
    for (const id of before.filter((id) => id.startsWith('prj_'))) {
      await eventually(async () => expect((await api.all(`/tasks?project_id=${id}`)).length).toBeGreaterThan(1));
    }
    const documents = [...(await api.all('/tasks')), ...(await api.all('/projects'))].map(({ id }) => id as string);
    expect(before.filter((id) => !documents.includes(id))).toEqual([]);

    const afterwards = await api.insist('POST', '/tasks', { title: 'After the restore' });
    expect(afterwards.status).toBe(201);

    await eventually(async () => expect(await numbered(home)).toBe((await publicFacts(home)).length));
    const events = await api.all('/events');
    expect(events.map(({ id }) => id as string).sort()).toEqual(await publicFacts(home));
    expect(events.map(({ position }) => Number(position)).sort((a, b) => a - b)).toEqual(events.map((_, index) => index + 1));
    expect(events.map(({ subject }) => subject as string)).toEqual(expect.arrayContaining([...before, afterwards.body['id']]));
    expect(restored.errors()).toEqual([]);
    expect(existsSync(join(home, '.restoring'))).toBe(false);
  });
});

/** Clients that create tasks, and a project now and then, until they are told to end; what was answered, with the time of the answer. */
function drive(api: Api): { accepted: Accepted[]; end(): Promise<void> } {
  const accepted: Accepted[] = [];
  let projectsLeft = PROJECTS;
  let driving = true;
  const client = async () => {
    for (let n = 0; driving; n++) {
      const reply =
        n > 0 && projectsLeft-- > 0
          ? await api.insist('POST', '/projects', { name: 'Fit out', owner_id: newId('usr'), template: 'fitout_v2' })
          : await api.insist('POST', '/tasks', { title: 'Measure the doors' });
      expect(reply.status).toBe(201);
      accepted.push({ id: reply.body['id'] as string, at: performance.now() });
      await delay(PACE_MS);
    }
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, client));
  return {
    accepted,
    end: async () => {
      driving = false;
      await clients;
    },
  };
}

/** The ids of all that the stores of this home say should be told, in order. */
async function publicFacts(home: string): Promise<string[]> {
  const ask = (service: string) => rowsOf<{ id: string }>(home, service, 'select id from events where public is not null');
  const facts = await Promise.all(['projects', 'tasks', 'webhooks'].map(ask));
  return facts
    .flat()
    .map(({ id }) => id)
    .sort();
}

const numbered = async (home: string): Promise<number> =>
  Number((await rowsOf<{ count: string }>(home, 'webhooks', 'select count(*) from event_log'))[0]!.count);

async function rowsOf<Row extends object>(home: string, service: string, sql: string): Promise<Row[]> {
  const url = new URL((await EmbeddedServer.find(join(home, 'postgres')))!.url);
  url.pathname = `/works_${service}`;
  const client = new Client({ connectionString: url.href });
  await client.connect();
  const { rows } = await client.query<Row>(sql).finally(() => client.end());
  return rows;
}
