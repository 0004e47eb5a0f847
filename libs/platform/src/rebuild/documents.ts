import type { Tenant } from '../caller';
import type { TenantDatabase, TenantTransaction } from '../tenancy';

/** What the events of one stream add up to. */
export interface Folded {
  readonly id: string;
  readonly version: number;
  readonly state: unknown;
}

/** A document that is not what was folded. */
export interface Unequal {
  readonly folded: Folded;
  /** The document's version, null when there is none. */
  readonly found: number | null;
  /** The version of the stream's newest event, of the same instant as the document. */
  readonly newest: number;
}

const FOLDED = 'unnest($1::text[], $2::integer[], $3::text[]) as f(id, version, state)';

const valuesOf = (documents: readonly Folded[]) => [
  documents.map(({ id }) => id),
  documents.map(({ version }) => version),
  documents.map(({ state }) => JSON.stringify(state)),
];

/** Compares as texts, because jsonb takes 1 and 1.0 for equal. One statement, so that document and newest event are of one instant. */
export async function unequalDocuments(tx: TenantTransaction, table: string, documents: readonly Folded[]): Promise<Unequal[]> {
  const { rows } = await tx.query<{ id: string; found: number | null; newest: number }>({
    name: `works_rebuild_unequal_${table}`,
    text: `select f.id, d.version as found, (select max(e.version) from events e where e.stream_id = f.id) as newest
             from ${FOLDED} left join ${table} d on d.id = f.id
            where d.version is distinct from f.version or d.state::text is distinct from f.state::jsonb::text`,
    values: valuesOf(documents),
  });
  const byId = new Map(documents.map((document) => [document.id, document]));
  return rows.map(({ id, found, newest }) => ({ folded: byId.get(id)!, found, newest }));
}

/** Tells the service's triggers, which guard what is new, that nothing is: what the events say has been allowed before. */
export const allowWhatHappened = (tx: TenantTransaction) => tx.query("select set_config('works.rebuilding', 'true', true)");

/**
 * Nobody's document is overwritten that was written since it was compared. A batch of commands that takes the same rows in another order is a lost race for one of both.
 */
export async function replaceDocuments(tx: TenantTransaction, table: string, documents: readonly Unequal[]): Promise<void> {
  const present = documents.filter(({ found }) => found !== null);
  if (present.length === 0) return;
  await tx.query(
    `update ${table} d set version = f.version, state = f.state::jsonb
       from unnest($1::text[], $2::integer[], $3::text[], $4::integer[]) as f(id, version, state, found)
      where d.id = f.id and d.version = f.found and not exists (select from events e where e.stream_id = f.id and e.version > f.version)`,
    [...valuesOf(present.map(({ folded }) => folded)), present.map(({ found }) => found)],
  );
}

/** Makes the documents that are not there. Whoever has made one meanwhile has made it right. */
export async function makeDocuments(tx: TenantTransaction, table: string, documents: readonly Unequal[]): Promise<void> {
  const missing = documents.filter(({ found }) => found === null).map(({ folded }) => folded);
  if (missing.length === 0) return;
  const { organizationId, livemode } = tx.tenant;
  await tx.query(
    `insert into ${table} (id, organization_id, livemode, version, state)
       select f.id, $4, $5, f.version, f.state::jsonb from ${FOLDED} on conflict (id) do nothing`,
    [...valuesOf(missing), organizationId, livemode],
  );
}

/** A page of one tenant's documents, each with whether any event tells of it. */
export const toldDocuments = (database: TenantDatabase, tenant: Tenant, table: string, after: string, limit: number) =>
  database.query<{ id: string; told: boolean }>(tenant, {
    name: `works_rebuild_told_${table}`,
    text: `select d.id, exists (select from events e where e.stream_id = d.id) as told from ${table} d
            where d.organization_id = $1 and d.livemode = $2 and d.id collate "C" > $3 order by d.id collate "C" limit $4`,
    values: [tenant.organizationId, tenant.livemode, after, limit],
  });
