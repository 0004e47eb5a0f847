import type { Pool } from 'pg';
import { inOneTransaction } from '../postgres';

/** What an organization, in one mode, has unpublished. */
export interface Backlog {
  readonly organization_id: string;
  readonly livemode: boolean;
  /** COUNTED_MAX stands for as many or more. */
  readonly facts: number;
}

/** Facts of one tenant that are counted. */
export const COUNTED_MAX = 10_000;
/** Where one look ends, whatever the outbox holds: after some 15 ms. The next goes on behind it. */
const LOOK = { factsMax: 50_000, tenantsMax: 1_000 } as const;

interface LookedRow extends Backlog {
  tenant: number;
  counted: number;
}

/**
 * Goes from tenant to tenant by the index, as the relay does, and counts the facts of each. Rows: those with more than $3, and the last tenant that was
 * looked at, so that it is known where the look has ended.
 */
const LONG_BACKLOGS = {
  name: 'works_long_backlogs',
  text: `with recursive looked as (
           select $1::text collate "C" as organization_id, $2::boolean as livemode, 0 as facts, 0 as counted, 0 as tenant
           union all
           select n.organization_id, n.livemode, n.facts, l.counted + n.facts, l.tenant + 1
             from looked l cross join lateral (
               select t.organization_id, t.livemode,
                      (select count(*)::integer from (
                         select from outbox w where w.organization_id = t.organization_id and w.livemode = t.livemode
                          order by w.position limit ${COUNTED_MAX}) c) as facts
                 from (select o.organization_id, o.livemode from outbox o where (o.organization_id, o.livemode) > (l.organization_id, l.livemode)
                        order by o.organization_id, o.livemode limit 1) t) n
            where l.counted < ${LOOK.factsMax} and l.tenant < ${LOOK.tenantsMax}
         )
         select l.organization_id, l.livemode, l.facts, l.tenant, l.counted from looked l
          where l.tenant > 0 and (l.facts > $3::integer or l.tenant = (select max(m.tenant) from looked m))
          order by l.tenant`,
};

/** However old the statistics of the outbox are, only ranges of its index are read. */
const BY_INDEX = { text: 'set local enable_seqscan = off; set local enable_bitmapscan = off; set local jit = off' };

const FIRST = { organization_id: '', livemode: false } as const;

/** Which tenants have much unpublished. Looks that are asked for together are one. */
export class Backlogs {
  private long: readonly Backlog[] = [];
  private after: Pick<Backlog, 'organization_id' | 'livemode'> = FIRST;
  private looking: { readonly over: number; readonly result: Promise<readonly Backlog[]> } | null = null;

  /** `pool`: of the worker role. */
  constructor(private readonly pool: Pool) {}

  /** Tenants with more unpublished facts than this. Where there are more than one look can count, what an earlier one has found still stands. */
  over(facts: number): Promise<readonly Backlog[]> {
    if (this.looking?.over === facts) return this.looking.result;
    const result = this.look(facts).finally(() => {
      if (this.looking?.result === result) this.looking = null;
    });
    this.looking = { over: facts, result };
    return result;
  }

  private async look(over: number): Promise<readonly Backlog[]> {
    const { after } = this;
    const results = await inOneTransaction<LookedRow>(
      this.pool,
      [BY_INDEX, { ...LONG_BACKLOGS, values: [after.organization_id, after.livemode, over] }],
      'begin read only',
    );
    const rows = results.at(-1)!.rows;
    const last = rows.at(-1);
    const goesOn = last !== undefined && (last.counted >= LOOK.factsMax || last.tenant >= LOOK.tenantsMax);
    const isLookedAt = (backlog: Backlog) => isBehind(backlog, after) && !(goesOn && isBehind(backlog, last));
    const found = rows
      .filter(({ facts }) => facts > over)
      .map(({ organization_id, livemode, facts }) => ({ organization_id, livemode, facts }));
    this.long = [...this.long.filter((backlog) => backlog.facts > over && !isLookedAt(backlog)), ...found];
    this.after = goesOn ? last : FIRST;
    return this.long;
  }
}

type Place = Pick<Backlog, 'organization_id' | 'livemode'>;

/** Ids are ASCII, so the order of code units is the order of bytes, in which the index has them. */
const isBehind = (one: Place, other: Place): boolean =>
  one.organization_id > other.organization_id || (one.organization_id === other.organization_id && one.livemode && !other.livemode);
