import type { Client } from 'pg';
import { Batcher } from '../../batching';
import { DEFAULT_BATCH_MAX } from '../deliver';
import type { ReceivedMessage, SubscribeOptions } from '../event-log';
import { COMMIT, READ, READ_BYTES_MAX } from './statements';

/** Offset by topic, as decimals. */
export type Cursors = ReadonlyMap<string, string>;

export interface Slice {
  /** Those that the subscription handles. */
  readonly messages: readonly ReceivedMessage[];
  /** By topic the offset of the last message read, handled or not. */
  readonly through: Cursors;
  /** The partition may hold more that can be read at once. */
  readonly more: boolean;
}

interface Row {
  partition: number;
  topic: string;
  offset: string;
  key: string;
  /** With its headers null for a message that the subscription passes over. */
  value: string | null;
  headers: string | null;
}

interface Place {
  readonly partition: number;
  readonly cursors: Cursors;
}

/** Reads and commits of the partitions of one session: what several want at the same moment is one statement on its connection. */
export class PartitionReads {
  private readonly reads = new Batcher<Place, Slice>({ batchesMax: 1, weightMax: Infinity, run: (places) => this.readAll(places) });
  private readonly commits = new Batcher<Place, null>({ batchesMax: 1, weightMax: Infinity, run: (places) => this.commitAll(places) });

  constructor(
    private readonly client: Client,
    private readonly subscription: SubscribeOptions,
  ) {}

  /** What follows the cursors, in order. */
  read(partition: number, cursors: Cursors): Promise<Slice> {
    return this.reads.add({ partition, cursors });
  }

  /** Resolves when the cursors are moved. */
  async commit(partition: number, cursors: Cursors): Promise<void> {
    await this.commits.add({ partition, cursors });
  }

  private async readAll(places: readonly Place[]): Promise<Slice[]> {
    const limit = this.subscription.batchMax ?? DEFAULT_BATCH_MAX;
    const cursors = places.flatMap(({ partition, cursors: each }) => [...each].map(([topic, after]) => ({ partition, topic, after })));
    const { rows } = await this.client.query<Row>({
      values: [
        cursors.map(({ partition }) => partition),
        cursors.map(({ topic }) => topic),
        cursors.map(({ after }) => after),
        limit,
        this.subscription.keyPrefixes ?? [''],
      ],
      ...READ,
    });
    return places.map(({ partition }) => sliceOf(rows, partition, limit));
  }

  private async commitAll(places: readonly Place[]): Promise<null[]> {
    const moved = new Map<string, { topic: string; partition: number; offset: string }>();
    // A partition can be there twice; its later cursor is the one that counts.
    for (const { partition, cursors } of places)
      for (const [topic, offset] of cursors) moved.set(`${topic}:${partition}`, { topic, partition, offset });
    const all = [...moved.values()];
    await this.client.query({
      values: [
        this.subscription.group,
        all.map(({ topic }) => topic),
        all.map(({ partition }) => partition),
        all.map(({ offset }) => offset),
      ],
      ...COMMIT,
    });
    return places.map(() => null);
  }
}

function sliceOf(rows: readonly Row[], partition: number, limit: number): Slice {
  let bytes = 0;
  const own = rows.filter((row) => row.partition === partition);
  const messages = own.flatMap(({ value, headers, ...row }): ReceivedMessage[] => {
    if (value === null || headers === null) return [];
    bytes += Buffer.byteLength(value);
    return [{ value, headers: JSON.parse(headers) as Record<string, string>, ...row }];
  });
  return {
    messages,
    through: new Map(own.map(({ topic, offset }) => [topic, offset])),
    more: own.length === limit || bytes >= READ_BYTES_MAX,
  };
}
