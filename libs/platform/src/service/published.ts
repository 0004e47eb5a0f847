import type { Pool } from 'pg';
import type { Tenant } from '../caller';
import type { Position } from '../caught-up';
import {
  type Epochs,
  publishedAfter,
  publishedThrough,
  republish,
  SettledPositions,
  type PublishedFact,
  type Relay,
  type RelayRepair,
} from '../relay';

export interface PublishedParts {
  /** Of the worker role. */
  readonly pool: Pool;
  readonly relay: Relay;
  readonly repair: RelayRepair;
  readonly epochs: Epochs;
}

/** Published facts in the order of their positions, with the epoch that these belong to. */
export interface PublishedFacts {
  readonly epoch: string;
  readonly data: readonly PublishedFact[];
}

/** How far this service's facts have reached the event log, and which. */
export class Published {
  private readonly settled: SettledPositions;

  constructor(private readonly parts: PublishedParts) {
    this.settled = new SettledPositions(parts.pool);
  }

  /** Null for a position that this service can never have told. */
  async through(tenant: Tenant, position: Position, waitMs: number): Promise<boolean | null> {
    const at = await this.parts.epochs.standing(position);
    return at === null ? null : publishedThrough(this.parts.pool, this.parts.relay, tenant, at, waitMs);
  }

  /** What follows a position, or everything where the position is of a history that is unknown here. */
  async after(position: Pick<Position, 'epoch' | 'at'>, limit: number): Promise<PublishedFacts> {
    const { pool, epochs, repair } = this.parts;
    // The epoch first: read from a later one, facts are only told again; from an earlier one, the position could lie beyond facts that nobody was told.
    const epoch = await epochs.present();
    const after = (await epochs.standing(position)) ?? 0n;
    // Until the repair has looked through the facts of an older relay, nobody can say which of them were published.
    if (await repair.isPending()) return { epoch, data: [] };
    return { epoch, data: await publishedAfter(pool, after.toString(), await this.settled.through(), limit) };
  }

  async again(positions: readonly string[]): Promise<void> {
    if ((await republish(this.parts.pool, positions)) > 0) this.parts.relay.poke();
  }
}
