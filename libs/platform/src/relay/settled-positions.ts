import type { Pool } from 'pg';

/** Transactions, prepared ones too, that may hold facts of which nobody knows yet. */
export interface OpenWriter {
  /** The server's own name of the transaction, unique for as long as the server runs. */
  readonly transaction: string;
  /** Null for a prepared transaction. */
  readonly pid: number | null;
}

interface Sample {
  readonly newest: bigint;
  readonly epoch: string;
  readonly writers: ReadonlySet<string>;
}

/** Looks that are remembered while older transactions are open. */
const SAMPLES_MAX = 100;

/**
 * Says up to which position every fact has either appeared or never will. Positions are drawn before commits, so a reader that follows them has to
 * wait for whoever has drawn one: those who hold the lock that inserting takes on the table, and nobody else on the server.
 */
export class SettledPositions {
  private samples: Sample[] = [];
  private certain = { epoch: '', through: 0n };

  constructor(private readonly pool: Pool) {}

  /** The newest position that is certain now. '0' while none is. */
  async through(): Promise<string> {
    const { rows } = await this.pool.query<{ newest: string; epoch: string }>(
      // Before the first number is drawn, the sequence names the one that is still to come.
      `select (s.last_value - case when s.is_called then 0 else 1 end)::text as newest, works_present_epoch() as epoch
         from events_position_seq s`,
    );
    const { newest, epoch } = rows[0]!;
    const open = new Set((await openWriters(this.pool)).map(({ transaction }) => transaction));
    // What a former server called its transactions means nothing on this one.
    this.samples = [...this.samples.filter((sample) => sample.epoch === epoch), { newest: BigInt(newest), epoch, writers: open }].slice(
      -SAMPLES_MAX,
    );
    const settled = this.samples.filter(({ writers }) => [...writers].every((writer) => !open.has(writer)));
    const before = this.certain.epoch === epoch ? this.certain.through : 0n;
    const through = settled.reduce((most, sample) => (sample.newest > most ? sample.newest : most), before);
    this.certain = { epoch, through };
    this.samples = this.samples.filter((sample) => sample.newest > through);
    return through.toString();
  }
}

/** Whoever has inserted a fact and not ended. Every role may see the locks. */
export async function openWriters(pool: Pool): Promise<OpenWriter[]> {
  const { rows } = await pool.query<OpenWriter>({
    name: 'works_open_writers',
    text: `select distinct l.virtualtransaction as transaction, l.pid from pg_locks l
            where l.locktype = 'relation' and l.database = (select d.oid from pg_database d where d.datname = current_database())
              and l.relation = 'public.events'::regclass and l.mode = 'RowExclusiveLock' and l.granted`,
  });
  return rows;
}
