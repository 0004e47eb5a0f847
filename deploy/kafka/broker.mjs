import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, openSync, closeSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import kafkajs from 'kafkajs';

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));

const JAVA_MAJOR_MIN = 17;
/** A broker that is alive is waited for, on a busy machine too; one that has ended is noticed at once. */
const READY_WITHIN_MS = 600_000;
const STOP_WITHIN_MS = 8_000;

/** Small, and quick to start: this broker serves one machine. */
const JVM_OPTIONS = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

/** The tools are missing. The message is one sentence that says what to install. */
export class KafkaNeedsTools extends Error {
  name = 'KafkaNeedsTools';
}

/**
 * A real Apache Kafka broker on this machine. It is a process of its own: when whoever started it is killed, the next start on the
 * same directory finds it running and goes on using it.
 */
export async function startBroker({ directory, port = 0, log = () => {} }) {
  await mkdir(directory, { recursive: true });
  let pid = await start();
  return {
    get brokers() {
      return `127.0.0.1:${port}`;
    },
    get pid() {
      return pid;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    restart: async () => {
      pid = await start();
    },
  };

  async function start() {
    const running = await findRunning(directory);
    if (running) {
      log(`Kafka still runs on port ${running.port}`);
      port = running.port;
      await untilReady(port, running.pid);
      return running.pid;
    }
    const java = await javaCommand();
    const classPath = await serverJars(log);
    port = await configure(directory, port);
    await format(directory, java, classPath);
    log('Starting Kafka');
    const started = launch(directory, java, classPath);
    await writeFile(join(directory, 'broker.json'), JSON.stringify({ pid: started, port }));
    await untilReady(port, started, directory);
    return started;
  }

  async function end(signal) {
    send(pid, signal);
    const giveUpAt = Date.now() + STOP_WITHIN_MS;
    while (isAlive(pid)) {
      if (Date.now() > giveUpAt) send(pid, 'SIGKILL');
      await delay(20);
    }
  }
}

/** Null when Kafka can be run here; otherwise the one sentence that says what to install. */
export async function missingTools() {
  const javaIsThere = (await javaMajor()) >= JAVA_MAJOR_MIN;
  const mavenIsNeeded = !existsSync(join(here, 'libs'));
  const mavenIsThere =
    !mavenIsNeeded ||
    (await run('mvn', ['--version']).then(
      () => true,
      () => false,
    ));
  if (javaIsThere && mavenIsThere) return null;
  const missing = [!javaIsThere && `Java ${JAVA_MAJOR_MIN} or newer`, !mavenIsThere && 'Maven'].filter(Boolean).join(' and ');
  return `Kafka needs ${missing}: install it (Debian or Ubuntu: apt-get install openjdk-17-jre-headless maven; macOS: brew install openjdk@17 maven), or set KAFKA_BROKERS to brokers that run already.`;
}

const javaBinary = () => (process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java');

async function javaMajor() {
  const said = await run(javaBinary(), ['-version']).then(
    ({ stderr, stdout }) => stderr + stdout,
    () => '',
  );
  return Number(/version "(\d+)/.exec(said)?.[1] ?? 0);
}

async function javaCommand() {
  const missing = await missingTools();
  if (missing) throw new KafkaNeedsTools(missing);
  return javaBinary();
}

/** Fetched once. Whoever else fetches at the same time does so aside; the first one to finish wins. */
async function serverJars(log) {
  const jars = join(here, 'libs');
  if (!existsSync(jars)) {
    log('Fetching the Apache Kafka server with Maven, once (43 MB)');
    const aside = join(here, 'target', `libs-${process.pid}-${randomBytes(4).toString('hex')}`);
    try {
      await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${aside}`, '-DincludeScope=runtime'], { cwd: here });
      await rename(aside, jars).catch((error) => {
        if (!existsSync(jars)) throw error;
      });
    } catch (error) {
      throw new Error(
        `Maven could not fetch the Apache Kafka server: ${
          String(error.stdout || error.message)
            .trim()
            .split('\n')[0]
        }`,
        { cause: error },
      );
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
  }
  return join(jars, '*');
}

/** The port of the last start when it is free, so that clients find the broker again. Resolves with the port. */
async function configure(directory, wanted) {
  const before = await readFile(join(directory, 'broker.json'), 'utf8').then(JSON.parse, () => ({}));
  const port = wanted || (await freePort(before.port ?? 0).catch(() => freePort(0)));
  let controllerPort = await freePort(0);
  while (controllerPort === port) controllerPort = await freePort(0);
  const values = { port, controllerPort, data: join(directory, 'data') };
  const template = await readFile(join(here, 'server.properties'), 'utf8');
  const filled = template.replace(/\{(port|controllerPort|data)\}/g, (_, name) => values[name]);
  await writeFile(join(directory, 'server.properties'), filled);
  return port;
}

async function format(directory, java, classPath) {
  if (existsSync(join(directory, 'data', 'meta.properties'))) return;
  // A Kafka uuid: 16 random bytes, base64url. It may not begin with a dash, which the tool would take for an option.
  const id = `W${randomBytes(16).toString('base64url').slice(1)}`;
  await run(java, [
    ...JVM_OPTIONS,
    '-cp',
    classPath,
    'kafka.tools.StorageTool',
    'format',
    '-t',
    id,
    '-c',
    join(directory, 'server.properties'),
  ]);
}

function launch(directory, java, classPath) {
  const output = openSync(join(directory, 'broker.log'), 'a');
  const broker = spawn(java, [...JVM_OPTIONS, '-cp', classPath, 'kafka.Kafka', join(directory, 'server.properties')], {
    cwd: directory,
    // A group of its own: Ctrl-C is for whoever started it, which then stops it in order.
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  broker.unref();
  return broker.pid;
}

async function untilReady(port, pid, directory) {
  const giveUpAt = Date.now() + READY_WITHIN_MS;
  const kafka = new kafkajs.Kafka({
    brokers: [`127.0.0.1:${port}`],
    clientId: 'start',
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 0 },
    connectionTimeout: 500,
  });
  const admin = kafka.admin();
  try {
    for (;;) {
      // A broker that is up but not yet in its cluster answers with an empty one.
      const cluster = await admin
        .connect()
        .then(() => admin.describeCluster())
        .catch(() => null);
      if (cluster?.brokers.length > 0) return;
      if (!isAlive(pid)) throw new Error(`Kafka ended while starting${directory ? `; see ${join(directory, 'broker.log')}` : ''}`);
      if (Date.now() > giveUpAt) throw new Error(`Kafka was not ready within ${READY_WITHIN_MS / 1_000} seconds`);
      await delay(50);
    }
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** The broker of an earlier start. A process number is used again in time, so the command line must name this directory too. */
async function findRunning(directory) {
  const known = await readFile(join(directory, 'broker.json'), 'utf8').then(JSON.parse, () => null);
  if (!known || !isAlive(known.pid)) return null;
  const { stdout } = await run('ps', ['-o', 'command=', '-p', String(known.pid)]).catch(() => ({ stdout: '' }));
  return stdout.includes(join(directory, 'server.properties')) ? known : null;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function send(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already.
  }
}

const freePort = (port) =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const { port: free } = server.address();
      server.close(() => resolve(free));
    });
  });
