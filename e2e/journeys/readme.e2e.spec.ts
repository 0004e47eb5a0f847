import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@works/platform/testing';
import { expectContract } from '../support/openapi';
import { Product, root } from '../support/product';
import { commandsIn } from '../support/readme';

interface Created {
  id: string;
  milestones: { tasks: { id: string }[] }[];
}

/** What a newcomer pastes. A command that is not there, or that nobody runs here, is a stale README or a stale test. */
describe('the README', () => {
  let product: Product;
  const notRun = new Set([...commandsIn('The journey, in five minutes'), ...commandsIn("The operator's command line")]);
  const environment: NodeJS.ProcessEnv = { ...process.env };
  const running = new Set<ChildProcess>();
  const backup = join(tmpdir(), `works-e2e-backup-${process.pid}`);

  beforeAll(async () => {
    product = await Product.start();
    environment['WORKS_HOME'] = product.home;
  });

  afterAll(async () => {
    for (const child of running) process.kill(-child.pid!, 'SIGKILL');
    await product.stop();
    await rm(backup, { recursive: true, force: true });
  });

  /** The one command of the README that has these words, with this product's folder and port for those of `npm start`. */
  function command(words: string): string {
    const all = [...commandsIn('The journey, in five minutes'), ...commandsIn("The operator's command line")];
    const found = new Set(all.filter((line) => line.includes(words)).map((line) => line.split(' #')[0]!.trim()));
    if (found.size !== 1) throw new Error(`README.md has ${found.size} commands with "${words}"`);
    for (const line of all) if (line.includes(words)) notRun.delete(line);
    const [line] = found;
    return line!.replace('./.works/', `${product.home}/`).replace(':4000/', `:${product.port}/`);
  }

  /** In a process group of its own, as a terminal would: a signal to the group is Ctrl-C. */
  function open(line: string): ChildProcess {
    const child = spawn('bash', ['-c', line], { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    running.add(child);
    child.once('close', () => running.delete(child));
    return child;
  }

  async function bash(line: string): Promise<string> {
    const child = open(line);
    let [output, errors] = ['', ''];
    child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    if (code !== 0) throw new Error(`${line} ended with ${code}: ${errors}`);
    return output;
  }

  /** Runs a curl of the README, and holds its answer against the OpenAPI document. */
  async function curl(words: string): Promise<{ text: string; headers: Headers; body: Record<string, any> }> {
    const line = command(words);
    const answer = await bash(line.replace(/^curl /, 'curl --silent --include '));
    const [head, text] = answer.split('\r\n\r\n') as [string, string];
    const [status, ...headers] = head.split('\r\n');
    const reply = {
      status: Number(status!.split(' ')[1]),
      headers: new Headers(headers.map((header) => [header.slice(0, header.indexOf(':')), header.slice(header.indexOf(':') + 1).trim()])),
      text,
      body: JSON.parse(text) as Record<string, any>,
    };
    const path = await bash(`echo ${/\$API[^" ]*/.exec(line)![0].slice('$API'.length)}`);
    expectContract(/ -X (\w+)/.exec(line)?.[1] ?? 'GET', path.trim(), reply);
    expect([line, reply.status < 300]).toEqual([line, true]);
    return reply;
  }

  it('gives the key and the address', async () => {
    for (const name of ['KEY', 'API']) {
      environment[name] = (await bash(`${command(`export ${name}=`)}; echo $${name}`)).trim();
    }
    expect(environment).toMatchObject({ KEY: product.organizations[0]!.live_key, API: product.url });
  });

  it('walks from a won deal to a closed project, while works listen prints what happens', async () => {
    const listener = open(command('-- listen'));
    let heard = '';
    listener.stdout!.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    await eventually(() => expect(heard).toContain('Listening as whk_'));

    const created = await curl('POST $API/projects -H');
    const again = await curl('POST $API/projects -H');
    expect([again.text, again.headers.get('idempotent-replayed')]).toEqual([created.text, 'true']);
    const project = created.body as Created;
    const tasks = project.milestones.flatMap((milestone) => milestone.tasks);
    Object.assign(environment, { PROJECT: project.id, TASK: tasks[0]!.id });

    const queue = await curl('/queue');
    const { overdue, today, upcoming, no_date } = queue.body['counts'] as Record<string, number>;
    expect(overdue! + today! + upcoming! + no_date!).toBe(tasks.length);
    expect((await curl('/complete')).body).toMatchObject({ id: tasks[0]!.id, status: 'completed' });
    expect((await curl('/milestones')).body['data']).toHaveLength(project.milestones.length);
    expect((await curl('/close')).body).toMatchObject({ id: project.id, status: 'closed', outcome: 'delivered' });
    const events = ((await curl('/events?')).body['data'] as { type: string }[]).map(({ type }) => type);
    expect(events).toContain('project.created');
    const timeline = (await curl('/timeline')).body['data'] as { text: string; type: string }[];
    expect(timeline.map(({ type }) => type)).toEqual(events);
    expect(timeline.map(({ text }) => text)).toContain('Project Site fit-out opened');

    await eventually(() => {
      for (const type of ['project.created', 'task.assigned', 'task.completed', 'project.closed']) {
        expect(heard).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d  ${type} .*_[0-9A-Z]{26}$`, 'm'));
      }
    });
    expect(heard).not.toContain('whose signature is not ours');
    process.kill(-listener.pid!, 'SIGINT');
    await eventually(() => expect(heard).toMatch(/Stopped; whk_\w+ is deleted\./));
  });

  it('shows the operator how to make organizations and keys, and what is behind', async () => {
    const globex = JSON.parse(await bash(command('organizations create'))) as { id: string; name: string };
    expect(globex.name).toBe('Globex');
    expect(await bash(command('keys create').replace('org_…', globex.id))).toMatch(/Secret {2}sk_test_/);
    const status = await bash(command('-- status'));
    for (const service of ['projects', 'tasks', 'webhooks', 'gateway']) expect(status).toMatch(new RegExp(`^${service} +yes`, 'm'));
    expect(status).toMatch(/^deliveries +\d+ pending, \d+ of them due, 0 dead$/m);
    expect(await bash(command('-- backup').replace('DIR', backup))).toMatch(/^Backed up [\d.]+ MB to /);
  });

  it('has no command that was not run here', () => {
    expect([...notRun]).toEqual([]);
  });
});
