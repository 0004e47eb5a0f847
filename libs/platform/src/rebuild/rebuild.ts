import type { Pool } from 'pg';
import type { Tenant } from '../caller';
import type { DomainEvent } from '../decider';
import { isLostRace, readEvent, type Aggregate } from '../event-store';
import type { TenantDatabase } from '../tenancy';
import {
  allowWhatHappened,
  makeDocuments,
  replaceDocuments,
  toldDocuments,
  unequalDocuments,
  type Folded,
  type Unequal,
} from './documents';

/** What is not as the events say. Those marked `mended` have been set right. */
export interface Difference {
  readonly stream: string;
  /** `untold`: a document that no event made. `unreadable`: a history that today's code cannot fold. Neither can be mended. */
  readonly kind: 'missing' | 'version' | 'state' | 'untold' | 'unreadable';
  readonly detail: string;
  readonly mended: boolean;
}

export interface RebuildSummary {
  readonly streams: number;
  readonly events: number;
  readonly differences: number;
  readonly mended: number;
}

export interface RebuildOptions {
  /** The worker's role: it reads the events of every tenant, and no documents. */
  readonly workers: Pool;
  /** The service's own role: it sees and writes the documents of the tenant that is set, and no others. */
  readonly database: TenantDatabase;
  /** Whose streams these are, by the prefix of their ids: `tsk`. */
  readonly aggregates: Readonly<Record<string, Aggregate<unknown, DomainEvent>>>;
  /** Looks only. */
  readonly check: boolean;
  readonly differs: (difference: Difference) => void;
  /** Called after every batch. */
  readonly progress?: (summary: RebuildSummary) => void;
  /** Events read at once; a project's plan may have 300 kB. */
  readonly eventsMax?: number;
}

interface EventRow {
  stream_id: string;
  organization_id: string;
  livemode: boolean;
  version: number;
  type: string;
  data: unknown;
}

/** One stream as far as it has been read. */
interface Folding extends Folded {
  readonly tenant: Tenant;
  readonly fault: string | null;
}

const EVENTS_MAX = 500;
/** A stream that changes between two statements this often in a row is not one that people work on. */
const ROUNDS_MAX = 100;
const UNTOLD_PAGE = 1_000;

const AFTER = `
  select e.stream_id, e.organization_id, e.livemode, e.version, e.type, e.data from events e
   where (e.stream_id, e.version) > ($1, $2) order by e.stream_id, e.version limit $3`;
const OF_STREAMS = `
  select e.stream_id, e.organization_id, e.livemode, e.version, e.type, e.data from events e
   where e.stream_id = any($1) order by e.stream_id, e.version`;

/**
 * Folds all streams again and sets right the documents that differ, while writes go on: a write that comes in between wins, and its stream
 * is read again. What was mended is read again too, because a command may have loaded the wrong document before. May be interrupted anywhere
 * and run again.
 */
export class Rebuild {
  private readonly counts = { streams: 0, events: 0, differences: 0, mended: 0 };
  private readonly tenants = new Map<string, Tenant>();

  constructor(private readonly options: RebuildOptions) {}

  async run(): Promise<RebuildSummary> {
    let partial: Folding | null = null;
    let next = this.after('', 0);
    for (let rows = await next; rows.length > 0; rows = await next) {
      const last = rows.at(-1)!;
      next = this.after(last.stream_id, last.version);
      // It is awaited after the batch: that it fails meanwhile must not end the process.
      next.catch(() => undefined);
      this.counts.events += rows.length;
      const foldings = this.fold(rows, partial);
      // The last stream may go on in the next batch.
      partial = foldings.pop()!;
      await this.settle(foldings);
    }
    if (partial !== null) await this.settle([partial]);
    for (const tenant of this.tenants.values()) await this.findUntold(tenant);
    return { ...this.counts };
  }

  private async after(streamId: string, version: number): Promise<EventRow[]> {
    const values = [streamId, version, this.options.eventsMax ?? EVENTS_MAX];
    return (await this.options.workers.query<EventRow>({ name: 'works_rebuild_events', text: AFTER, values })).rows;
  }

  private fold(rows: readonly EventRow[], partial: Folding | null): Folding[] {
    const foldings = partial === null ? [] : [partial];
    for (const row of rows) {
      const before = foldings.at(-1);
      if (before?.id === row.stream_id) foldings[foldings.length - 1] = this.evolve(before, row);
      else foldings.push(this.evolve(this.begin(row), row));
    }
    return foldings;
  }

  private begin({ stream_id: id, organization_id: organizationId, livemode }: EventRow): Folding {
    return { id, tenant: { organizationId, livemode }, version: 0, state: null, fault: null };
  }

  private evolve(folding: Folding, row: EventRow): Folding {
    const { version } = row;
    if (folding.fault !== null) return { ...folding, version };
    const aggregate = this.aggregateOf(folding.id);
    if (aggregate === undefined) return { ...folding, version, fault: 'no aggregate has ids like this' };
    if (version !== folding.version + 1) return { ...folding, version, fault: `version ${folding.version + 1} is missing` };
    try {
      return { ...folding, version, state: aggregate.evolve(folding.state, readEvent(aggregate, row)) };
    } catch (error) {
      return { ...folding, version, fault: (error as Error).message };
    }
  }

  private aggregateOf = (id: string) => this.options.aggregates[id.slice(0, id.indexOf('_'))];

  /** Compares whole streams with their documents, and those again that were written or mended meanwhile. */
  private async settle(foldings: readonly Folding[]): Promise<void> {
    this.counts.streams += foldings.length;
    for (const { tenant } of foldings) this.tenants.set(`${tenant.organizationId} ${tenant.livemode}`, tenant);
    const told = new Set<string>();
    let left = foldings;
    for (let round = 1; left.length > 0; round++) {
      if (round > ROUNDS_MAX) throw new Error(`${left[0]!.id} changes faster than it can be read`);
      const again = await this.compare(left, told);
      left = again.length === 0 ? [] : this.fold((await this.options.workers.query<EventRow>(OF_STREAMS, [again])).rows, null);
    }
    this.options.progress?.({ ...this.counts });
  }

  /** The ids of the streams that must be read again. */
  private async compare(foldings: readonly Folding[], told: Set<string>): Promise<string[]> {
    const again: string[] = [];
    for (const { id, fault } of foldings)
      if (fault !== null) this.tell(told, { stream: id, kind: 'unreadable', detail: fault, mended: false });
    for (const group of grouped(foldings.filter(({ fault }) => fault === null))) {
      const [{ id, tenant }] = group;
      const { table } = this.aggregateOf(id)!;
      try {
        const { moved, differing } = await this.options.database.transaction(tenant, async (tx) => {
          const unequal = await unequalDocuments(tx, table, group);
          // More events than were read: a write came meanwhile, and its document may well be right.
          const differing = unequal.filter(({ folded, newest }) => newest === folded.version);
          if (!this.options.check && differing.length > 0) {
            await allowWhatHappened(tx);
            await replaceDocuments(tx, table, differing);
            await makeDocuments(tx, table, differing);
          }
          return { moved: unequal.filter((each) => !differing.includes(each)), differing };
        });
        for (const each of differing) this.tell(told, { ...differenceOf(each), mended: !this.options.check });
        again.push(...[...moved, ...(this.options.check ? [] : differing)].map(({ folded }) => folded.id));
      } catch (error) {
        if (!isLostRace(error)) throw error;
        again.push(...group.map((folding) => folding.id));
      }
    }
    return again;
  }

  private async findUntold(tenant: Tenant): Promise<void> {
    for (const { table } of Object.values(this.options.aggregates)) {
      for (let after: string | undefined = ''; after !== undefined;) {
        const page = await toldDocuments(this.options.database, tenant, table, after, UNTOLD_PAGE);
        for (const { id } of page.filter(({ told }) => !told))
          this.tell(new Set(), { stream: id, kind: 'untold', detail: `${table} has a document without events`, mended: false });
        after = page.length < UNTOLD_PAGE ? undefined : page.at(-1)!.id;
      }
    }
  }

  private tell(told: Set<string>, difference: Difference): void {
    if (told.has(difference.stream)) return;
    told.add(difference.stream);
    this.counts.differences++;
    if (difference.mended) this.counts.mended++;
    this.options.differs(difference);
  }
}

/** Those of one tenant and one kind of aggregate. */
function grouped(foldings: readonly Folding[]): [Folding, ...Folding[]][] {
  const groups = new Map<string, [Folding, ...Folding[]]>();
  for (const folding of foldings) {
    const { id, tenant } = folding;
    const key = `${tenant.organizationId} ${tenant.livemode} ${id.slice(0, id.indexOf('_'))}`;
    const group = groups.get(key);
    if (group) group.push(folding);
    else groups.set(key, [folding]);
  }
  return [...groups.values()];
}

function differenceOf({ folded: { id, version }, found }: Unequal): Omit<Difference, 'mended'> {
  if (found === null) return { stream: id, kind: 'missing', detail: `no document of ${version} events` };
  if (found !== version) return { stream: id, kind: 'version', detail: `version ${found} of ${version}` };
  return { stream: id, kind: 'state', detail: `another state at version ${version}` };
}
