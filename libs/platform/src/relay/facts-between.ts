import type { Tenant } from '../caller';
import type { LogMessage } from '../event-log';
import type { TenantDatabase } from '../tenancy';
import { FACT, messageOf, type OutboxRow } from './outbox';

/** Which public facts of a tenant are wanted: by their keys in the event log, by who has written under a key, or, with neither, all. */
export interface WantedFacts {
  /** Positions of the store: after the first, up to the second. */
  readonly after: bigint;
  readonly through: bigint;
  readonly topics: readonly string[];
  readonly keys: readonly string[] | null;
  /** Whatever belongs to a key under which this actor has written in the window is wanted, too. */
  readonly actorId: string | null;
}

/** Facts in one answer. Bodies are a few kilobytes, seldom a megabyte. */
export const FACTS_MAX = 100;

export interface FactsBetween {
  /** As the relay publishes them, each key's in order. */
  readonly messages: readonly LogMessage[];
  /** Where to go on, if there is more. */
  readonly next: bigint | null;
}

export async function factsBetween(
  database: TenantDatabase,
  service: string,
  tenant: Tenant,
  { after, through, topics, keys, actorId }: WantedFacts,
  limit = FACTS_MAX,
): Promise<FactsBetween> {
  if (through <= after) return { messages: [], next: null };
  const rows = await database.query<OutboxRow>(tenant, {
    name: 'works_facts_between',
    text: `select e.position::text as at, false as repaired, ${FACT}
             from works_facts_between($1, $2, $3::bigint, $4::bigint, $5::text[], $6, $7::text[], $8) e`,
    values: [tenant.organizationId, tenant.livemode, after.toString(), through.toString(), keys, actorId, topics, limit],
  });
  const messages = rows.map((row) => messageOf(row, service));
  return { messages, next: rows.length < limit ? null : BigInt(rows.at(-1)!.at) };
}
