import type { Admin } from 'kafkajs';

/** The end of one partition, and its start (what retention has removed need not be handled). */
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
    private readonly admin: Admin,
    private readonly group: string,
    private readonly topics: readonly string[],
  ) {}

  /** The group will next read `offset`. */
  noteCommit(topic: string, partition: number, offset: bigint): void {
    const place = placeOf(topic, partition);
    if (offset > (this.committed.get(place) ?? -1n)) this.committed.set(place, offset);
  }

  async extents(): Promise<Extent[]> {
    await this.admin.connect();
    const perTopic = await Promise.all(
      this.topics.map(async (topic) =>
        (await this.admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => ({ topic, partition, low: BigInt(low), high: BigInt(high) })),
      ),
    );
    return perTopic.flat();
  }

  /** Messages up to those ends that the group has not handled, as far as this process knows. */
  unhandled(extents: readonly Extent[]): number {
    return extents.reduce((sum, extent) => sum + unhandledIn(extent, this.committed.get(placeOf(extent.topic, extent.partition)) ?? -1n), 0);
  }

  async refresh(): Promise<void> {
    await this.admin.connect();
    for (const { topic, partitions } of await this.admin.fetchOffsets({ groupId: this.group, topics: [...this.topics] })) {
      for (const { partition, offset } of partitions) this.noteCommit(topic, partition, BigInt(offset));
    }
  }
}

const placeOf = (topic: string, partition: number): string => `${topic}:${partition}`;

function unhandledIn({ low, high }: Extent, committed: bigint): number {
  const next = committed > low ? committed : low;
  return high > next ? Number(high - next) : 0;
}
