import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Kafka, logLevel, type ISocketFactory } from 'kafkajs';
import type { Reports } from '../reports';
import { adaptKafkajs } from './kafkajs-internals';

/** Patient: six to twenty seconds of a broker's absence pass inside a call. Impatient clients lose their membership and wait for its session to end. */
export const RETRY = { retries: 8, initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2, multiplier: 2 } as const;

const KEEP_ALIVE_MS = 10_000;

export function kafkaClient(brokers: readonly string[], clientId: string, reports: Reports): Kafka {
  adaptKafkajs();
  return new Kafka({
    brokers: [...brokers],
    clientId,
    retry: RETRY,
    connectionTimeout: 2_000,
    socketFactory: withoutDelay,
    logLevel: logLevel.WARN,
    // It reports every retry of every request; what an operator must know is reported by the subscription and by who publishes.
    logCreator:
      () =>
      ({ namespace, log: { message, ...fields } }) =>
        reports.debug({ namespace, error: fields['error'] as unknown }, message),
  });
}

/** Nagle's algorithm would hold small requests back for as long as 40 ms. */
const withoutDelay: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket = ssl ? connectTls({ host, port, ...ssl }, onConnect) : connect({ host, port }, onConnect);
  return socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
};
