import type { Pool } from 'pg';
import type { Tenant } from '../caller';
import type { Place } from '../caught-up';
import {
  type Epochs,
  factsBetween,
  publishedAfter,
  publishedThrough,
  republish,
  SettledPositions,
  type FactsBetween,
  type PublishedFact,
  type WantedFacts,
  type Relay,
  type RelayRepair,
} from '../relay';
import type { TenantDatabase } from '../tenancy';

export interface PublishedParts {
  /** Of the worker role. */
  readonly pool: Pool;
  readonly relay: Relay;
  readonly repair: RelayRepair;
  readonly epochs: Epochs;
  readonly service: string;
  /** Of the service's role, bound by row-level security. */
  readonly database: TenantDatabase;
}

/** How far a store has come, in its present epoch. */
export interface Progress {
  readonly epoch: string;
  /** No fact up to here will still appear. */
  readonly settled: bigint;
  /** The event log has had every fact up to here; never beyond `settled`. */
  readonly published: bigint;
}

/** Facts of a tenant, and what is known of the positions up to which they were asked for. */
export interface FactsToHandle extends FactsBetween, Progress {
  /** Where each stands in the present history; null for one that cannot have been told. */
  readonly standing: readonly (bigint | null)[];
}

/** How long it is believed how far the store had come: whoever is told of an earlier moment only asks once more. */
const PROGRESS_MS = 50;

/** Published facts in the order of their positions, with the epoch that these belong to. */
export interface PublishedFacts {
  readonly epoch: string;
  readonly data: readonly PublishedFact[];
}

/** How far this service's facts have reached the event log, and which. */
export class Published {
  private readonly settled: SettledPositions;
  private looked: { readonly at: number; readonly progress: Promise<Progress> } | null = null;

  constructor(private readonly parts: PublishedParts) {
    this.settled = new SettledPositions(parts.pool);
  }

  /** How far the store had come a moment ago. */
  progress(): Promise<Progress> {
    if (this.looked === null || performance.now() - this.looked.at > PROGRESS_MS) {
      const looked = { at: performance.now(), progress: this.look() };
      this.looked = looked;
      looked.progress.catch(() => (this.looked = null));
    }
    return this.looked.progress;
  }

  /** Where this store stands now; nothing that it has answered lies beyond. */
  async newest(): Promise<Place> {
    const epoch = await this.parts.epochs.present();
    const { rows } = await this.parts.pool.query<{ at: string }>('select s.last_value::text as at from events_position_seq s');
    return { epoch, at: BigInt(rows[0]!.at) };
  }

  /**
   * The facts of a tenant after one position and through the newest of others, whether they are published or not. How far the store has come is asked
   * first: what is settled then is seen by the read that follows.
   */
  async toHandle(
    tenant: Tenant,
    after: Place | null,
    through: readonly Place[],
    wanted: Omit<WantedFacts, 'after' | 'through'>,
  ): Promise<FactsToHandle> {
    const { epochs, service, database } = this.parts;
    const progress = await this.progress();
    const standing = await Promise.all(through.map((position) => epochs.standing(position)));
    const from = after === null ? 0n : ((await epochs.standing(after)) ?? 0n);
    const newest = standing.reduce<bigint>((most, at) => (at !== null && at > most ? at : most), 0n);
    return { ...progress, standing, ...(await factsBetween(database, service, tenant, { ...wanted, after: from, through: newest })) };
  }

  /** What follows a position, or everything where the position is of a history that is unknown here. */
  async after(position: Place, limit: number): Promise<PublishedFacts> {
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

  private async look(): Promise<Progress> {
    const { pool, epochs, repair } = this.parts;
    const epoch = await epochs.present();
    // Until the repair has looked through the facts of an older relay, nobody can say which of them were published.
    const isKnown = !(await repair.isPending());
    const settled = BigInt(await this.settled.through());
    return { epoch, settled, published: isKnown ? await publishedThrough(pool, settled) : 0n };
  }
}
