import type { Pool } from 'pg';
import type { Position } from '../caught-up';

/** One incarnation of a store, from the first to the present. */
export interface Epoch {
  readonly tag: string;
  /** The newest position when it began: what the former epochs have in common with it ends there. */
  readonly beginsAfter: bigint;
}

/**
 * Where a position stands in the present history. One of an earlier epoch stands no later than that epoch's part of the history, however far it had
 * come before it was lost. Null for one that cannot have been told: beyond the newest, or of an epoch that never was.
 */
export function standing(epochs: readonly Epoch[], newest: bigint, { epoch, at }: Pick<Position, 'epoch' | 'at'>): bigint | null {
  // Before there were epochs, positions were numbers of another kind, and none of them is later than the first epoch's beginning.
  if (epoch === null) return epochs[0]?.beginsAfter ?? null;
  const index = epochs.findIndex(({ tag }) => tag === epoch);
  if (index === -1) return null;
  // Several restores may follow each other, and a later one may go back further.
  const ends = epochs.slice(index + 1).map(({ beginsAfter }) => beginsAfter);
  if (ends.length === 0) return at <= newest ? at : null;
  return ends.reduce((least, end) => (end < least ? end : least), at);
}

const PRESENT_EPOCH = { name: 'works_present_epoch', text: 'select works_present_epoch() as tag' };

/**
 * Has each new connection begin the epoch, if need be, before anything else is asked on it: behind the same address there may be another server now, and
 * that one takes no fact before.
 */
export function askOnConnect(pool: Pool): void {
  // Where it cannot begin (the server is no primary yet), what is asked next is refused too.
  pool.on('connect', (client) => void client.query(PRESENT_EPOCH).catch(() => undefined));
}

/** The epochs of a service's own store, as far as this process has needed to know them. */
export class Epochs {
  private known: readonly Epoch[] = [];
  private newest = 0n;
  private readonly another: (() => void)[] = [];
  private last: string | null = null;

  constructor(private readonly pool: Pool) {
    askOnConnect(pool);
    pool.on('connect', () => {
      this.forget();
      void this.present().catch(() => undefined);
    });
  }

  /** See `standing`. Asks the database only where what is remembered does not tell. */
  async standing(position: Pick<Position, 'epoch' | 'at'>): Promise<bigint | null> {
    const present = this.known.at(-1)?.tag;
    if (position.epoch !== null && position.epoch === present && position.at <= this.newest) return position.at;
    await this.look();
    return standing(this.known, this.newest, position);
  }

  /** Calls back when the store turns out to be another incarnation than before. */
  onAnother(callback: () => void): void {
    this.another.push(callback);
  }

  /** The present epoch's tag. Begins one where this is another incarnation than the last. */
  async present(): Promise<string> {
    const { rows } = await this.pool.query<{ tag: string }>(PRESENT_EPOCH);
    const { tag } = rows[0]!;
    if (tag !== this.known.at(-1)?.tag) this.forget();
    if (this.last !== null && this.last !== tag) for (const callback of this.another) callback();
    this.last = tag;
    return tag;
  }

  private forget(): void {
    this.known = [];
  }

  private async look(): Promise<void> {
    await this.present();
    const { rows } = await this.pool.query<{ tag: string; begins_after: string; newest: string }>({
      name: 'works_epochs',
      text: `select e.tag, e.begins_after::text as begins_after, (select s.last_value::text from events_position_seq s) as newest
               from epochs e order by e.ordinal`,
    });
    this.known = rows.map(({ tag, begins_after }) => ({ tag, beginsAfter: BigInt(begins_after) }));
    this.newest = BigInt(rows.at(-1)?.newest ?? 0);
  }
}
