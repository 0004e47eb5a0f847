import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { root } from '../home';

export type ServiceName = 'gateway' | 'projects' | 'tasks' | 'webhooks';

/** Waits before a service that died is started again; a life longer than the last of them begins the row anew. */
const RESTART_DELAYS_MS = [50, 200, 500, 1_000, 2_000] as const;
const STOP_MS = 7_000;

/**
 * V8 lets some 8 MB of old objects gather above what lives, and then marks the whole heap: each time for 40 ms on both of two cores, and it made the
 * slowest twentieth of all requests. In megabytes; it bounds nothing. And what V8 has once seen to live long while a service started, it goes on to put
 * among the old objects at birth, where it takes along all that it refers to: a list of rows, for one, every answer of the database.
 */
const FLAGS = ['--initial-old-space-size=64', '--no-allocation-site-pretenuring'];

export interface ServiceProcessOptions {
  readonly name: ServiceName;
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Says a line to the person who watches. */
  say(line: string): void;
}

/** One service as a child process, kept alive. It ends by itself when this process is gone, by the end of the channel between them. */
export class ServiceProcess {
  private child: ChildProcess | null = null;
  private stopping = false;
  private deaths = 0;

  constructor(private readonly options: ServiceProcessOptions) {}

  /** Resolves when the service has said that it is ready; rejects when its first life ends before. */
  async start(): Promise<void> {
    const { name, logFile } = this.options;
    const child = this.spawn();
    const ready = new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('exit', (code, signal) =>
        reject(new Error(`${name} ended with ${signal ?? code} before it was ready. Its log: ${logFile}`)),
      );
    });
    await ready;
    child.removeAllListeners('exit');
    child.once('exit', (code, signal) => void this.revive(code, signal, performance.now()));
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const child = this.child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(killer);
  }

  private spawn(): ChildProcess {
    const { name, environment, logFile } = this.options;
    const log = openSync(logFile, 'a', 0o600);
    const child = spawn(process.execPath, [...FLAGS, join(root, 'apps', name, 'dist', 'main.js')], {
      env: { ...withoutOurs(process.env), ...environment },
      stdio: ['ignore', log, log, 'ipc'],
    });
    this.child = child;
    return child;
  }

  private async revive(code: number | null, signal: string | null, bornAt: number): Promise<void> {
    if (this.stopping) return;
    const last = RESTART_DELAYS_MS.length - 1;
    if (performance.now() - bornAt > 10_000) this.deaths = 0;
    const waitMs = RESTART_DELAYS_MS[Math.min(this.deaths++, last)]!;
    this.options.say(`${this.options.name} ended (${signal ?? code}), starting it again`);
    await delay(waitMs);
    if (this.stopping) return;
    const child = this.spawn();
    const reborn = performance.now();
    child.once('exit', (exitCode, exitSignal) => void this.revive(exitCode, exitSignal, reborn));
  }
}

/** What configures this process must not configure its children by accident. */
function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { PORT: _port, LISTEN: _listen, DATABASE_URL: _database, KAFKA_BROKERS: _brokers, ...rest } = env;
  return rest;
}
