import type { Kafka } from 'kafkajs';

// What we need of kafkajs 2.2.4 beyond its public face, in one place. The version is pinned: look here before it moves.

// eslint-disable-next-line @typescript-eslint/no-require-imports -- it ships no types for its parts
const RequestQueue = require('kafkajs/src/network/requestQueue') as {
  prototype: { pending: unknown[]; scheduleCheckPendingRequests(): void };
};

const { scheduleCheckPendingRequests } = RequestQueue.prototype;
let repaired = false;

/**
 * Without this every connection spins on a timer of 1 ms once it has made a request (kafkajs issues 1556 and 1704: the delay until a
 * throttle of "never" ends is negative), and an idle service takes a tenth of a core. With nothing pending there is nothing to check.
 */
export function repairRequestQueue(): void {
  if (repaired) return;
  repaired = true;
  RequestQueue.prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
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
