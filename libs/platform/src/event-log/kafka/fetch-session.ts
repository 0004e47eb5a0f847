/** From where one partition is to be read. */
export interface FetchPlace {
  readonly partition: number;
  /** As Kafka's clients write it: decimal digits. */
  readonly fetchOffset: string;
  readonly maxBytes: number;
}

export interface FetchTopic {
  readonly topic: string;
  readonly partitions: readonly FetchPlace[];
}

export interface FetchRequest {
  readonly sessionId: number;
  readonly sessionEpoch: number;
  readonly topics: FetchTopic[];
  readonly forgottenTopics: { topic: string; partitions: number[] }[];
}

/** By topic and partition. */
type Places = ReadonlyMap<string, ReadonlyMap<number, FetchPlace>>;

const EPOCH_MAX = 2 ** 31 - 1;

/**
 * What one consumer reads from one broker, so that a request says only what has changed, and an answer only where there is something
 * (KIP-227). A service that follows twenty topics has a hundred partitions, and most of them have nothing most of the time.
 */
export class FetchSession {
  private id = 0;
  private epoch = 0;
  /** As the broker knows it. Null while that is not certain: after a request that has not been answered. */
  private told: Places | null = null;
  private asked: Places = new Map();

  /** The request that makes the broker read these places, and none else. */
  next(wanted: readonly FetchTopic[]): FetchRequest {
    const known = this.id === 0 ? null : this.told;
    const now = new Map(wanted.map(({ topic, partitions }) => [topic, new Map(partitions.map((place) => [place.partition, place]))]));
    this.told = null;
    if (known === null) {
      this.id = 0;
      this.epoch = 0;
    }
    this.asked = now;
    return {
      sessionId: this.id,
      sessionEpoch: this.epoch,
      topics: known === null ? [...wanted] : changes(wanted, known),
      forgottenTopics: known === null ? [] : missing(known, now),
    };
  }

  /** The broker has done as it was asked, in this session; 0 when it keeps none for us. */
  answered(sessionId: number): void {
    this.id = sessionId;
    this.epoch = this.epoch === EPOCH_MAX ? 1 : this.epoch + 1;
    this.told = this.asked;
  }
}

function changes(wanted: readonly FetchTopic[], known: Places): FetchTopic[] {
  return wanted.flatMap(({ topic, partitions }) => {
    const before = known.get(topic);
    const changed = partitions.filter((place) => {
      const told = before?.get(place.partition);
      return told?.fetchOffset !== place.fetchOffset || told.maxBytes !== place.maxBytes;
    });
    return changed.length === 0 ? [] : [{ topic, partitions: changed }];
  });
}

function missing(known: Places, now: Places): { topic: string; partitions: number[] }[] {
  return [...known].flatMap(([topic, places]) => {
    const partitions = [...places.keys()].filter((partition) => now.get(topic)?.has(partition) !== true);
    return partitions.length === 0 ? [] : [{ topic, partitions }];
  });
}
