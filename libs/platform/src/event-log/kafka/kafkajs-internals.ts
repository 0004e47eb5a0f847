import type { Kafka } from 'kafkajs';
import { FetchSession, type FetchRequest, type FetchTopic } from './fetch-session';

// What we need of kafkajs 2.2.4 beyond its public face, in one place. The version is pinned: look here before it moves.

// eslint-disable-next-line @typescript-eslint/no-require-imports -- it ships no types for its parts
const RequestQueue = require('kafkajs/src/network/requestQueue') as {
  prototype: { pending: unknown[]; scheduleCheckPendingRequests(): void };
};

const { scheduleCheckPendingRequests } = RequestQueue.prototype;
let adapted = false;

/** Once, before the first client is made. */
export function adaptKafkajs(): void {
  if (adapted) return;
  adapted = true;
  repairRequestQueue();
  fetchInSessions();
}

/**
 * Without this every connection spins on a timer of 1 ms once it has made a request (kafkajs issues 1556 and 1704: the delay until a
 * throttle of "never" ends is negative), and an idle service takes a tenth of a core. With nothing pending there is nothing to check.
 */
function repairRequestQueue(): void {
  RequestQueue.prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
  };
}

interface FetchOptions {
  readonly topics: readonly FetchTopic[];
}

interface Fetched {
  /** Absent where the broker is too old to keep sessions (before 1.1). */
  readonly sessionId?: number;
  readonly errorCode?: number;
  readonly responses: readonly unknown[];
}

// eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
const Broker = require('kafkajs/src/broker') as {
  prototype: {
    lookupRequest(key: number, requests: unknown): (options: FetchOptions & FetchRequest) => unknown;
    fetch(options: FetchOptions): Promise<Fetched>;
  };
};
// eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
const FETCH = (require('kafkajs/src/protocol/requests/apiKeys') as { Fetch: number }).Fetch;
// eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
const FETCH_REQUESTS = (require('kafkajs/src/protocol/requests') as { requests: { Fetch: unknown } }).requests.Fetch;

/**
 * Without this every fetch names every partition, and so does every answer: a consumer of twenty topics takes a millisecond for each message, and
 * the broker as much. (kafkajs can say and read all that a session needs, and never does.) A session that the broker no longer knows begins anew.
 */
function fetchInSessions(): void {
  const sendRequest = Object.getOwnPropertySymbols(Broker.prototype).find(
    ({ description }) => description === 'private:Broker:sendRequest',
  )!;
  const sessions = new WeakMap<object, FetchSession>();
  Broker.prototype.fetch = async function (
    this: typeof Broker.prototype & Record<symbol, (request: unknown) => Promise<Fetched>>,
    options,
  ) {
    for (;;) {
      const session = sessions.get(this) ?? new FetchSession();
      sessions.set(this, session);
      const request = session.next(options.topics);
      const fetched = await this[sendRequest]!(this.lookupRequest(FETCH, FETCH_REQUESTS)({ ...options, ...request }));
      if ((fetched.errorCode ?? 0) === 0) {
        session.answered(fetched.sessionId ?? 0);
        return fetched;
      }
      if (request.sessionId === 0) throw new Error(`The broker refuses to be read: error ${fetched.errorCode}`);
    }
  };
}

export interface TopicOffsets {
  topic: string;
  partitions: { partition: number; offset: string }[];
}

/** A set of connections to the brokers, as the admin client has one. */
export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  findTopicPartitionMetadata(topic: string): { partitionId: number }[];
  /** The first or the next offsets of any number of topics in one request for each broker. */
  fetchTopicsOffset(topics: { topic: string; fromBeginning: boolean; partitions: { partition: number }[] }[]): Promise<TopicOffsets[]>;
}

const METADATA_MAX_AGE_MS = 300_000;

/** The admin client asks for the offsets of each topic by itself, twice: 19 topics cost 38 requests and 25 ms, this costs two and 3 ms. */
export function openCluster(kafka: Kafka): Cluster {
  const create = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === 'private:Kafka:createCluster');
  const factory = (kafka as unknown as Record<symbol, (options: { metadataMaxAge: number; allowAutoTopicCreation: boolean }) => Cluster>)[
    create!
  ]!;
  return factory({ metadataMaxAge: METADATA_MAX_AGE_MS, allowAutoTopicCreation: false });
}
