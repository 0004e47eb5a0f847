import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Argument, Command } from 'commander';
import type { RebuildLine, RebuildSummary } from '@works/platform/rebuild';
import { Home, root } from '../home';
import { paint } from '../paint';

const SERVICES = ['projects', 'tasks'] as const;
/** More of them tell a person nothing new; `--json` prints all. */
const DIFFERENCES_SHOWN_MAX = 100;
const CLEAR_LINE = '\r\x1b[2K';

interface Options {
  check?: boolean;
  json?: boolean;
}

export function rebuildCommand(): Command {
  return new Command('rebuild')
    .description("fold a service's events again, and set right the documents that differ")
    .addArgument(new Argument('<service>', 'whose documents').choices(SERVICES))
    .option('--check', 'only say what differs; exit code 1 when anything does')
    .option('--json', 'print each difference and the summary as a line of JSON')
    .action(rebuild);
}

/** The service folds its own events, in a process of its own: nobody else knows what they mean. */
async function rebuild(service: (typeof SERVICES)[number], { check = false, json = false }: Options): Promise<void> {
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    ['--enable-source-maps', join(root, 'apps', service, 'dist', 'rebuild.js'), ...(check ? ['--check'] : [])],
    { env: { ...process.env, ...(await rolesOf(service)) }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'close');
  const screen = json ? new Lines() : new Report(check);
  for await (const line of createInterface({ input: child.stdout })) screen.show(JSON.parse(line) as RebuildLine, seconds(startedAt));
  const [code, signal] = (await ended) as [number | null, string | null];
  if (signal !== null) throw new Error(`The rebuild ended with ${signal}. What it has mended stays so; run it again.`);
  process.exitCode = code ?? 2;
}

/** Of the product that runs here, or, where the environment names them, of a deployment's service. */
async function rolesOf(service: (typeof SERVICES)[number]): Promise<Record<string, string>> {
  if (process.env['DATABASE_URL'] && process.env['WORKER_DATABASE_URL']) return {};
  const home = Home.here();
  const server = await home.server();
  return {
    DATABASE_URL: home.databaseUrl(server, service, 'app'),
    WORKER_DATABASE_URL: home.databaseUrl(server, service, 'worker'),
  };
}

/** For programs. */
class Lines {
  show(line: RebuildLine, tookSeconds: number): void {
    if ('difference' in line) process.stdout.write(`${JSON.stringify(line.difference)}\n`);
    if ('summary' in line) {
      const eventsPerSecond = Math.round(line.summary.events / tookSeconds);
      process.stdout.write(`${JSON.stringify({ ...line.summary, events_per_second: eventsPerSecond })}\n`);
    }
  }
}

/** For people. */
class Report {
  private shown = 0;

  constructor(private readonly check: boolean) {}

  show(line: RebuildLine, tookSeconds: number): void {
    if ('progress' in line) this.progress(line.progress, tookSeconds);
    else if ('summary' in line) this.summary(line.summary, tookSeconds);
    else if (this.shown++ < DIFFERENCES_SHOWN_MAX) {
      const { stream, kind, detail, mended } = line.difference;
      this.line(`${paint(mended ? 'yellow' : 'red', mended ? 'mended' : kind.padEnd(6))}  ${stream}  ${detail}`);
    }
  }

  private progress({ streams, events }: RebuildSummary, tookSeconds: number): void {
    if (process.stdout.isTTY) process.stdout.write(`${CLEAR_LINE}${streams} streams, ${events} events, ${perSecond(events, tookSeconds)}`);
  }

  private summary({ streams, events, differences, mended }: RebuildSummary, tookSeconds: number): void {
    if (this.shown > DIFFERENCES_SHOWN_MAX) this.line(`… and ${this.shown - DIFFERENCES_SHOWN_MAX} more`);
    const found = `${differences} differences${this.check || differences === 0 ? '' : `, ${mended} mended`}`;
    this.line(`${streams} streams, ${events} events, ${found}, ${perSecond(events, tookSeconds)}`);
  }

  private line(text: string): void {
    process.stdout.write(`${process.stdout.isTTY ? CLEAR_LINE : ''}${text}\n`);
  }
}

const seconds = (since: number): number => (performance.now() - since) / 1_000;
const perSecond = (events: number, tookSeconds: number): string => `${Math.round(events / tookSeconds)} events a second`;
