import type { Pool } from 'pg';
import { parsePlace, type Place } from '../caught-up';

const nameOf = (source: string): string => `handled ${source}`;

/** Up to where this service has handled a source's facts, as it was last written down: a restart asks for what follows, and not for everything. */
export class SavedPlaces {
  /** Of the worker role. */
  constructor(private readonly pool: Pool) {}

  async load(source: string): Promise<Place | null> {
    const { rows } = await this.pool.query<{ place: string }>(
      "select c.epoch || '.' || c.position as place from checkpoints c where c.name = $1",
      [nameOf(source)],
    );
    return rows[0] === undefined ? null : parsePlace(rows[0].place);
  }

  /** Several instances write: within an epoch the farthest counts. */
  async save(source: string, { epoch, at }: Place): Promise<void> {
    await this.pool.query(
      `insert into checkpoints as c (name, epoch, position) values ($1, $2, $3::bigint)
       on conflict (name) do update set epoch = excluded.epoch, position = excluded.position
        where c.epoch <> excluded.epoch or c.position < excluded.position`,
      [nameOf(source), epoch, at.toString()],
    );
  }
}
