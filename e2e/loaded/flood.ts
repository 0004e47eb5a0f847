import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface Flooded {
  /** Batches that were accepted, and the tasks in them. */
  accepted: number;
  tasks: number;
  /** Answered with 429, as the one who floods may be. */
  refused: number;
  /** Any other answer. */
  others: string[];
}

const BATCH = 100;
const THREADS = 4;
/** A refusal that names no time. */
const AGAIN_MS = 100;

/** Imports tasks as fast as it is let, in a process of its own: whoever measures beside it must not share a thread with it. */
export class Flood {
  private constructor(private readonly child: ReturnType<typeof spawn>) {}

  static start(url: string, key: string): Flood {
    const runTypescript = join(__dirname, '../../libs/platform/src/testing/run-typescript.cjs');
    return new Flood(spawn(process.execPath, [runTypescript, __filename, url, key], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  }

  async stop(): Promise<Flooded> {
    const told = once(this.child, 'message');
    this.child.send('stop');
    const [flooded] = (await told) as [Flooded];
    this.child.disconnect();
    return flooded;
  }
}

async function flood(url: string, key: string): Promise<void> {
  const flooded: Flooded = { accepted: 0, tasks: 0, refused: 0, others: [] };
  let isOver = false;
  process.on('disconnect', () => process.exit());
  const operations = Array.from({ length: BATCH }, (_, place) => ({ op: 'create', task: { title: `Imported ${place}` } }));
  const body = JSON.stringify({ mode: 'atomic', operations });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const thread = async () => {
    while (!isOver) {
      const reply = await fetch(`${url}/tasks/batch`, { method: 'POST', headers: { ...headers, 'idempotency-key': randomUUID() }, body });
      const text = await reply.text();
      if (reply.status === 200) {
        flooded.accepted++;
        flooded.tasks += BATCH;
      } else if (reply.status === 429) {
        flooded.refused++;
        await delay(Number(reply.headers.get('retry-after') ?? 0) * 1_000 || AGAIN_MS);
      } else flooded.others.push(`${reply.status} ${text.slice(0, 300)}`);
    }
  };
  const threads = Array.from({ length: THREADS }, () => thread().catch((error: unknown) => flooded.others.push(String(error))));
  process.once('message', () => {
    isOver = true;
    void Promise.all(threads).then(() => process.send!(flooded));
  });
  await Promise.all(threads);
}

if (process.argv[2] === __filename) void flood(process.argv[3]!, process.argv[4]!);
