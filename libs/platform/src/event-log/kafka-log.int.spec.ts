import { testKafka } from '../testing/kafka';
import { describeEventLog } from './conformance';

/** A broker of our own allows it; it only makes the suite shorter. */
const SESSION_TIMEOUT_MS = 2_000;

describeEventLog(
  'the Kafka event log',
  async () => {
    const kafka = await testKafka({ toKill: true });
    return { ...kafka, config: { eventLog: 'kafka', kafkaBrokers: kafka.brokers, clientId: 'spec', sessionTimeoutMs: SESSION_TIMEOUT_MS } };
  },
  // A killed consumer's session has to end; then the group is divided anew.
  { takenOverWithinMs: SESSION_TIMEOUT_MS + 6_000, resumedWithinMs: 20_000 },
);
