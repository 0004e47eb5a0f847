import type { Admin } from 'kafkajs';
import type { Cluster, TopicOffsets } from './kafkajs-internals';

/** One partition from its start (what retention has removed need not be handled) to its end. */
interface Extent {
  topic: string;
  partition: number;
  low: bigint;
  high: bigint;
}

/** How far a group is, by its committed offsets: those of this process are known at once, those of others are asked for. */
export class GroupOffsets {
  private readonly committed = new Map<string, bigint>();

  constructor(
    private readonly cluster: Cluster,
    private readonly admin: Admin,
    private readonly group: string,
    private readonly topics: readonly string[],
  ) {}

  /** The group will next read `offset`. */
  noteNext(topic: string, partition: number, offset: bigint): void {
    const place = placeOf(topic, partition);
    if (offset > (this.committed.get(place) ?? -1n)) this.committed.set(place, offset);
  }

  async extents(): Promise<Extent[]> {
    const { cluster } = this;
    try {
      await cluster.connect();
      await cluster.addMultipleTargetTopics(this.topics);
      await cluster.refreshMetadataIfNecessary();
      const [lows, highs] = await Promise.all([this.offsetsAt('start'), this.offsetsAt('end')]);
      const low = byPlace(lows);
      return [...byPlace(highs)].map(([place, high]) => ({ ...high, low: low.get(place)!.offset, high: high.offset }));
    } catch (error) {
      // The partitions may have other leaders by now; whoever asked asks again.
      await cluster.refreshMetadata().catch(() => undefined);
      throw error;
    }
  }

  /** Messages up to those ends that the group has not handled, as far as this process knows. */
  unhandled(extents: readonly Extent[]): number {
    return extents.reduce(
      (sum, extent) => sum + unhandledIn(extent, this.committed.get(placeOf(extent.topic, extent.partition)) ?? -1n),
      0,
    );
  }

  /** Asks what other instances have committed. */
  async refresh(): Promise<void> {
    await this.admin.connect();
    for (const { topic, partitions } of await this.admin.fetchOffsets({ groupId: this.group, topics: [...this.topics] })) {
      for (const { partition, offset } of partitions) this.noteNext(topic, partition, BigInt(offset));
    }
  }

  private offsetsAt(which: 'start' | 'end'): Promise<TopicOffsets[]> {
    return this.cluster.fetchTopicsOffset(
      this.topics.map((topic) => ({
        topic,
        fromBeginning: which === 'start',
        partitions: this.cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ partition: partitionId })),
      })),
    );
  }
}

const placeOf = (topic: string, partition: number): string => `${topic}:${partition}`;

function byPlace(all: readonly TopicOffsets[]): Map<string, { topic: string; partition: number; offset: bigint }> {
  return new Map(
    all.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => [placeOf(topic, partition), { topic, partition, offset: BigInt(offset) }] as const),
    ),
  );
}

function unhandledIn({ low, high }: Extent, committed: bigint): number {
  const next = committed > low ? committed : low;
  return high > next ? Number(high - next) : 0;
}
