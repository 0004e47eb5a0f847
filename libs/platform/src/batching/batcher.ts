export interface BatcherOptions<Item, Outcome> {
  /** Batches under way at one time. */
  readonly batchesMax: number;
  /** Weight of one batch, at most; an item heavier than that is a batch of its own. */
  readonly weightMax: number;
  /** Default: 1 each. */
  weightOf?(item: Item): number;
  /** One outcome for each item, in their order. */
  run(items: readonly Item[]): Promise<readonly Outcome[]>;
}

interface Waiting<Item, Outcome> {
  readonly item: Item;
  done(outcome: Outcome): void;
  failed(error: unknown): void;
}

/**
 * Items that come while batches are under way gather for the next one; an item that finds none under way leaves at once. So a quiet service
 * answers as fast as it can, and a busy one shares its round trips and commits among as many as have come. Nobody ever waits for a clock.
 *
 * A batch that fails is tried again item by item, so that nobody fails for a neighbour: `run` must be safe to repeat after a failure.
 */
export class Batcher<Item, Outcome> {
  private readonly waiting: Waiting<Item, Outcome>[] = [];
  private underWay = 0;

  constructor(private readonly options: BatcherOptions<Item, Outcome>) {}

  add(item: Item): Promise<Outcome> {
    return new Promise((done, failed) => {
      this.waiting.push({ item, done, failed });
      if (this.underWay < this.options.batchesMax) void this.work();
    });
  }

  private async work(): Promise<void> {
    this.underWay++;
    // Whoever comes in the same turn of the event loop still gets on this batch: what one fetch brought, or what one look at the sockets found.
    await new Promise(setImmediate);
    while (this.waiting.length > 0) await this.settle(this.next());
    // At once after the last look at the queue: whoever comes later starts anew.
    this.underWay--;
  }

  private next(): Waiting<Item, Outcome>[] {
    const { weightMax, weightOf = () => 1 } = this.options;
    let weight = 0;
    const end = this.waiting.findIndex(({ item }) => (weight += weightOf(item)) > weightMax);
    return this.waiting.splice(0, end === -1 ? this.waiting.length : Math.max(end, 1));
  }

  private async settle(batch: readonly Waiting<Item, Outcome>[]): Promise<void> {
    try {
      const outcomes = await this.options.run(batch.map(({ item }) => item));
      batch.forEach(({ done }, index) => done(outcomes[index]!));
    } catch (error) {
      if (batch.length === 1) return batch[0]!.failed(error);
      await Promise.all(batch.map((one) => this.settle([one])));
    }
  }
}
