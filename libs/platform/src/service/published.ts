import type { Pool } from 'pg';
import { publishedThrough, type Relay } from '../relay';

/** How far this service's facts have reached the event log. */
export class Published {
  constructor(
    private readonly pool: Pool,
    private readonly relay: Relay,
  ) {}

  through(position: bigint, waitMs: number): Promise<boolean> {
    return publishedThrough(this.pool, this.relay, position, waitMs);
  }
}
