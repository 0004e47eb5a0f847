import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Stores } from './stores';

export const root = resolve(__dirname, '../..');

export type Log = 'embedded' | 'kafka';
export type Service = 'gateway' | 'projects' | 'tasks' | 'webhooks';

export interface Organization {
  id: string;
  name: string;
  live_key: string;
  test_key: string;
}

const LOOK_EVERY_MS = 20;

/** One new home in three begins at odd positions; WORKS_E2E_POSITIONS, a number from 0 to 1, chooses which, for all of them. */
const ODD_HOMES = 3;

/** The product as a user runs it: `npm start` in a folder of its own, on a port of its own. */
export class Product {
  /** Something was killed, stopped or started anew: what was in flight may have been published twice. */
  private disturbed = false;

  private constructor(
    readonly home: string,
    readonly port: number,
    readonly log: Log,
    private supervisor: ChildProcess,
    private readonly environment: NodeJS.ProcessEnv,
  ) {}

  /** In a new home, or in one that is there. */
  static async start(log: Log = 'embedded', environment: NodeJS.ProcessEnv = {}, home?: string): Promise<Product> {
    const isNew = home === undefined;
    home ??= newHome();
    const port = await freePort();
    const product = new Product(home, port, log, launch(home, port, log, environment), environment);
    await product.ready();
    if (isNew) await product.beginAnywhere();
    // What ran before, or is made to die, may have published twice.
    product.disturbed = !isNew || 'WORKS_FAULT_POINTS' in environment;
    return product;
  }

  private async beginAnywhere(): Promise<void> {
    const asked = process.env['WORKS_E2E_POSITIONS'];
    if (asked === undefined && Math.random() >= 1 / ODD_HOMES) return;
    const chance = asked === undefined ? Math.random() : Number(asked);
    const boundary = await new Stores(this.home).beginBelow(chance);
    process.stderr.write(`Positions begin below ${boundary} (WORKS_E2E_POSITIONS=${chance.toFixed(3)})\n`);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/works/v1`;
  }

  get organizations(): Organization[] {
    return (JSON.parse(readFileSync(join(this.home, 'dev.json'), 'utf8')) as { organizations: Organization[] }).organizations;
  }

  /** Starts it again in the same folder, as a user would after whatever happened. */
  async restart(): Promise<void> {
    this.disturbed = true;
    this.supervisor = launch(this.home, this.port, this.log, this.environment);
    await this.ready();
  }

  /** However long it takes, as long as it runs: a start that hangs is ended by the test's own timeout. Fails at once when `npm start` has ended. */
  async ready(): Promise<void> {
    const ended = () => this.supervisor.exitCode ?? this.supervisor.signalCode;
    while (ended() === null) {
      const isReady = await fetch(`http://127.0.0.1:${this.port}/health/ready`).then(
        async (response) => (await response.text(), response.ok),
        () => false,
      );
      if (isReady) return;
      await delay(LOOK_EVERY_MS);
    }
    throw new Error(`npm start ended with ${ended()}: ${this.logTail()}`);
  }

  /** Ctrl-C. Resolves with how it ended. */
  async interrupt(signal: NodeJS.Signals = 'SIGINT'): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.disturbed = true;
    const { supervisor } = this;
    supervisor.kill(signal);
    if (supervisor.exitCode === null && supervisor.signalCode === null) await once(supervisor, 'exit');
    return { code: supervisor.exitCode, signal: supervisor.signalCode };
  }

  /** SIGKILL, without a word before. */
  async killSupervisor(): Promise<void> {
    this.disturbed = true;
    this.supervisor.kill('SIGKILL');
    await once(this.supervisor, 'exit');
  }

  /** SIGKILLs one service; the supervisor starts it anew. */
  kill(service: Service): void {
    this.disturbed = true;
    for (const pid of this.pidsOf(service)) killIfThere(pid);
  }

  /** SIGKILLs the database server's postmaster and its children. */
  killPostgres(): void {
    this.disturbed = true;
    const pid = this.postmaster();
    if (pid === null) return;
    const children = processes().filter((process) => process.parent === pid);
    killIfThere(pid);
    for (const child of children) killIfThere(child.pid);
  }

  killBroker(): void {
    this.disturbed = true;
    for (const { pid, command } of processes()) {
      if (command.includes('kafka.Kafka') && command.includes(this.home)) killIfThere(pid);
    }
  }

  pidsOf(service: Service): number[] {
    return processes()
      .filter(({ command, parent }) => command.includes(`apps/${service}/dist/main.js`) && parent === this.supervisorPid())
      .map(({ pid }) => pid);
  }

  /** One more instance of a service, beside the one that the supervisor keeps and in the same environment; resolves when it is ready. */
  async another(service: Service, overrides: NodeJS.ProcessEnv = {}): Promise<ChildProcess> {
    this.disturbed = true;
    const environment = { ...environmentOf(this.pidsOf(service)[0]!), ...overrides };
    const log = openSync(join(this.home, 'logs', `${service}-2.log`), 'a');
    const instance = spawn(process.execPath, [join(root, 'apps', service, 'dist', 'main.js')], {
      env: { ...environment, LISTEN: join(tmpdir(), `${basename(this.home)}-2.sock`) },
      stdio: ['ignore', log, log, 'ipc'],
    });
    await once(instance, 'message');
    return instance;
  }

  postmaster(): number | null {
    try {
      return Number(readFileSync(join(this.home, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
    } catch {
      return null;
    }
  }

  /** The operator's command line, as the README shows it. */
  works(...parameters: string[]): Promise<string> {
    return Product.works(this.home, ...parameters);
  }

  static works(home: string, ...parameters: string[]): Promise<string> {
    return new Promise((done, failed) => {
      const child = spawn(process.execPath, ['tools/works.mjs', ...parameters], {
        cwd: root,
        env: { ...process.env, WORKS_HOME: home },
      });
      let output = '';
      let errors = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
      child.on('close', (code) =>
        code === 0 ? done(output) : failed(new Error(`works ${parameters.join(' ')} ended with ${code}: ${errors}`)),
      );
    });
  }

  /** Fails when, although nothing was disturbed, anything was published twice. */
  async stop(): Promise<void> {
    const check = this.disturbed ? Promise.resolve() : new Stores(this.home).expectPublishedOnce();
    try {
      await check;
    } finally {
      await this.interrupt('SIGTERM');
      await rm(this.home, { recursive: true, force: true });
    }
  }

  /** What the services last said, for the message of a failed test. */
  logTail(): string {
    const folder = join(this.home, 'logs');
    return readdirSync(folder)
      .map((file) => `--- ${file}\n${readFileSync(join(folder, file), 'utf8').split('\n').slice(-15).join('\n')}`)
      .join('\n');
  }

  /** What the services have called an error, as a person would read it in their logs. */
  errors(): string[] {
    const folder = join(this.home, 'logs');
    return readdirSync(folder).flatMap((file) =>
      readFileSync(join(folder, file), 'utf8')
        .split('\n')
        .filter((line) => /"level":("error"|50)/.test(line)),
    );
  }

  private supervisorPid(): number {
    return this.supervisor.pid!;
  }
}

const newHome = (): string => mkdtempSync(join(tmpdir(), 'works-e2e-'));

function launch(home: string, port: number, log: Log, environment: NodeJS.ProcessEnv): ChildProcess {
  const parameters = ['tools/start.mjs', ...(log === 'kafka' ? ['--kafka'] : [])];
  const child = spawn(process.execPath, parameters, {
    cwd: root,
    env: { ...process.env, ...environment, WORKS_HOME: home, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return child;
}

export function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

interface Running {
  pid: number;
  parent: number;
  command: string;
}

/** What runs on this machine, from /proc. */
function processes(): Running[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const parent = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]);
        return [{ pid: Number(name), parent, command }];
      } catch {
        return []; // it ended while we were looking
      }
    });
}

/** What a process was started with. */
function environmentOf(pid: number): NodeJS.ProcessEnv {
  const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8')
    .split('\0')
    .filter((pair) => pair !== '');
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
