import { testKafka } from '../testing/kafka';
import { describeEventLog } from './conformance';

/** A broker of our own allows it; it only makes the suite shorter. */
const SESSION_TIMEOUT_MS = 2_000;

describeEventLog('the Kafka event log', async () => {
  const kafka = await testKafka({ toKill: true });
  return { ...kafka, config: { eventLog: 'kafka', kafkaBrokers: kafka.brokers, clientId: 'spec', sessionTimeoutMs: SESSION_TIMEOUT_MS } };
});
