import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from '../../../../deploy/kafka/broker.mjs';

/** A real Kafka for tests. */
export interface TestKafka {
  /** For KAFKA_BROKERS. */
  readonly brokers: string;
  /** SIGKILL. Only for a broker of one's own. */
  kill(): Promise<void>;
  /** On the same data and port; resolves when it is ready. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const IMAGE = 'apache/kafka:4.3.0';

/**
 * In this order: the brokers that KAFKA_BROKERS names (unless the test has to kill one); a container, when a Docker engine answers;
 * `deploy/kafka`. Otherwise fails with the sentence that says what to install. A run that sets KAFKA_BROKERS shares one broker.
 */
export async function testKafka({ toKill = false } = {}): Promise<TestKafka> {
  const given = process.env['KAFKA_BROKERS'];
  if (given && !toKill) return sharedBroker(given);
  return (await inContainer()) ?? (await onThisMachine());
}

function sharedBroker(brokers: string): TestKafka {
  const refuse = () => Promise.reject(new Error('The brokers of KAFKA_BROKERS belong to others: ask for one with { toKill: true }'));
  return { brokers, kill: refuse, restart: refuse, stop: () => Promise.resolve() };
}

async function onThisMachine(): Promise<TestKafka> {
  const directory = await mkdtemp(join(tmpdir(), 'works-spec-kafka-'));
  const broker = await startBroker({ directory });
  return {
    brokers: broker.brokers,
    kill: () => broker.kill(),
    restart: () => broker.restart(),
    stop: async () => {
      await broker.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Null when no engine answers or the image cannot be had. */
async function inContainer(): Promise<TestKafka | null> {
  const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers');
  const engine = await getContainerRuntimeClient().catch(() => null);
  if (engine === null) return null;
  // Clients are told the address to come back to, so it has to be the one outside, and the same after a restart.
  const port = await freePort();
  const started = await new GenericContainer(IMAGE)
    .withExposedPorts({ container: port, host: port })
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_LISTENERS: `PLAINTEXT://:${port},CONTROLLER://:9093`,
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@127.0.0.1:9093',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR: '1',
      KAFKA_BROKER_SESSION_TIMEOUT_MS: '2000',
      KAFKA_BROKER_HEARTBEAT_INTERVAL_MS: '300',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
      KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS: '1000',
    })
    .withWaitStrategy(Wait.forLogMessage('Kafka Server started'))
    .start()
    .catch(() => null);
  if (started === null) return null;
  const container = engine.container.getById(started.getId());
  return {
    brokers: `127.0.0.1:${port}`,
    kill: async () => void (await container.kill()),
    restart: async () => void (await container.start()),
    stop: async () => void (await started.stop({ timeout: 0 })),
  };
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
