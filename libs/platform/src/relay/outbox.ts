import type { LogMessage } from '../event-log';

/** Messages in one publish. Small enough that a crash repeats little, large enough that the log's commit is shared by many. */
export const BATCH_MAX = 500;

/** Tenants that one batch can serve; where more have something to publish, the next batch goes on behind them. */
export const TENANTS_MAX = 500;

/** A public fact as the relay reads it. */
export interface OutboxRow {
  /** Position, a decimal of up to 19 digits. */
  at: string;
  id: string;
  stream_id: string;
  version: number;
  organization_id: string;
  livemode: boolean;
  topic: string;
  log_key: string;
  public: string;
  traceparent: string | null;
  caused_by: string | null;
  occurred_at: Date;
  repaired: boolean;
}

export const FACT = `e.id, e.stream_id, e.version, e.organization_id, e.livemode, e.topic, e.log_key, e.public,
                e.metadata->>'traceparent' as traceparent, e.metadata->>'caused_by' as caused_by, e.occurred_at`;

/**
 * The first facts to publish, whosever they are: all there are, as long as one batch holds them, which is nearly always. A third of what a fair batch costs.
 *
 * A fact stands in the outbox from its commit on. What a fact of the same stream follows was committed before it, so it has a smaller position and
 * is read no later. Only the relay's leader may call this: shared through `skip locked`, event 2 of a task could overtake event 1.
 */
export const FIRST_BATCH = {
  name: 'works_first_batch',
  text: `select b.position::text as at, b.repaired, ${FACT}
           from (select o.position, o.repaired from outbox o order by o.position limit ${BATCH_MAX}) b
          cross join lateral (select f.* from events f where f.position = b.position offset 0) e
          order by b.position`,
};

/**
 * Where there is more than one batch: the next facts of the tenants behind ($1, $2): each tenant in the order of its positions, and of each about as many as of any other, so that
 * one with three facts waits for none with a hundred thousand.
 */
export const FAIR_BATCH = {
  name: 'works_fair_batch',
  text: `with recursive tenants as (
           (select o.organization_id, o.livemode from outbox o where (o.organization_id, o.livemode) > ($1, $2)
             order by o.organization_id, o.livemode limit 1)
           union all
           select n.organization_id, n.livemode from tenants t cross join lateral (
             select o.organization_id, o.livemode from outbox o where (o.organization_id, o.livemode) > (t.organization_id, t.livemode)
              order by o.organization_id, o.livemode limit 1) n
         ), served as materialized (
           select t.organization_id, t.livemode from tenants t limit ${TENANTS_MAX}
         ), turns as (
           select w.position, w.repaired, row_number() over (partition by s.organization_id, s.livemode order by w.position) as turn
             from served s cross join lateral (
               select o.position, o.repaired from outbox o where o.organization_id = s.organization_id and o.livemode = s.livemode
                order by o.position limit (select ceil(2.0 * ${BATCH_MAX} / count(*)) from served)) w
         ), batch as (
           select t.position, t.repaired from turns t order by t.turn, t.position limit ${BATCH_MAX}
         )
         select b.position::text as at, b.repaired, ${FACT}
           from batch b cross join lateral (select f.* from events f where f.position = b.position offset 0) e
          order by b.position`,
};

/** The event log has them. */
export const PUBLISHED = {
  name: 'works_published',
  text: 'delete from outbox where position = any($1::bigint[])',
};

/** CloudEvents 1.0, Kafka binary binding: the attributes are headers, the value is the event object itself. */
export function messageOf(row: OutboxRow, service: string): LogMessage {
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: row.id,
    ce_type: row.topic,
    ce_source: `/works/${service}`,
    ce_subject: row.stream_id,
    ce_time: row.occurred_at.toISOString(),
    ce_organizationid: row.organization_id,
    ce_livemode: String(row.livemode),
    ce_sequence: String(row.version),
    'content-type': 'application/json',
  };
  if (row.traceparent !== null) headers['traceparent'] = row.traceparent;
  const previous = previousEventOf(row.public);
  if (previous !== null) headers['ce_previousid'] = previous;
  if (row.caused_by !== null) headers['ce_causationid'] = row.caused_by;
  if (row.repaired) headers['works-repaired'] = 'true';
  return { topic: row.topic, key: row.log_key, value: row.public, headers };
}

const PREVIOUS_EVENT = '"previous_event":"';

/** It stands in the body before anything that a caller could have written, and before the member that follows it. */
function previousEventOf(body: string): string | null {
  const member = body.indexOf('"previous_event":');
  if (member === -1 || !body.startsWith(PREVIOUS_EVENT, member)) return null;
  const from = member + PREVIOUS_EVENT.length;
  return body.slice(from, body.indexOf('"', from));
}

/** The tenant behind which a batch begins. */
export interface Turn {
  readonly organization_id: string;
  readonly livemode: boolean;
}

/** No organization's id comes before it. */
export const FIRST_TURN: Turn = { organization_id: '', livemode: false };

/** Where the next batch begins: behind the last tenant served, where there may be others; otherwise with the first again. */
export function turnAfter(rows: readonly Turn[]): Turn {
  const tenants = new Map(rows.map((row) => [`${row.organization_id} ${row.livemode}`, row]));
  if (tenants.size < TENANTS_MAX) return FIRST_TURN;
  return [...tenants.values()].reduce((last, each) => (isBefore(last, each) ? each : last));
}

/** Ids are ASCII, so the order of code units is the order of bytes, in which the index has them. */
const isBefore = (one: Turn, other: Turn): boolean =>
  one.organization_id < other.organization_id || (one.organization_id === other.organization_id && !one.livemode && other.livemode);
