import { testKafka } from '../testing/kafka';
import { describeEventLog } from './conformance';

describeEventLog(
  'the Kafka event log',
  async () => {
    const kafka = await testKafka({ toKill: true });
    return { ...kafka, config: { eventLog: 'kafka', kafkaBrokers: kafka.brokers, clientId: 'spec' } };
  },
  // A killed consumer's session lasts six seconds; then the group is divided anew.
  { takenOverWithinMs: 15_000, resumedWithinMs: 20_000 },
);
