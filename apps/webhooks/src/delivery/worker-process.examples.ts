import 'reflect-metadata';
import { createLogger } from '@works/platform/logging';
import { openPool } from '@works/platform/postgres';
import { ReplayRunner } from './replay-runner';
import { aWorker } from './workers.examples';

/** A worker as a process: claims what is due, sends, and makes the steps of replays, until it is killed. */
const { workerUrl, leaseSeconds } = JSON.parse(process.argv[3]!) as { workerUrl: string; leaseSeconds: number };
const pool = openPool(workerUrl, { max: 4, applicationName: 'spec worker process' });
const worker = aWorker(pool, { leaseSeconds });
worker.start();
new ReplayRunner({ pool, logger: createLogger({ name: 'spec', level: 'silent' }), made: () => worker.wakeForReplays() }).start();
process.send!('running');
