import 'reflect-metadata';
import { openPool } from '@works/platform/postgres';
import { aWorker } from './workers.examples';

/** A worker as a process: claims what is due, and sends, until it is killed. */
const { workerUrl, leaseSeconds } = JSON.parse(process.argv[3]!) as { workerUrl: string; leaseSeconds: number };
aWorker(openPool(workerUrl, { max: 4, applicationName: 'spec worker process' }), { leaseSeconds }).start();
process.send!('running');
