import type { Pool } from 'pg';
import type { EventLog } from '../event-log';
import { publishedThrough, tellAgain, toldAfter, type Place, type Relay, type ToldFact } from '../relay';

export interface PublishedParts {
  readonly service: string;
  /** Of the worker role. */
  readonly pool: Pool;
  readonly log: EventLog;
  readonly relay: Relay;
}

/** How far this service's facts have reached the event log, and which. */
export class Published {
  constructor(private readonly parts: PublishedParts) {}

  through(position: bigint, waitMs: number): Promise<boolean> {
    return publishedThrough(this.parts.pool, this.parts.relay, position, waitMs);
  }

  after(place: Place, limit: number): Promise<ToldFact[]> {
    return toldAfter(this.parts.pool, place, limit);
  }

  again(places: readonly Place[]): Promise<void> {
    return tellAgain(this.parts.pool, this.parts.log, this.parts.service, places);
  }
}
