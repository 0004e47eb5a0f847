import type { Client, Pool, PoolClient, QueryResult } from 'pg';

/** A public fact as a service's store holds it; what is left out has a plain value. */
export interface StoredFact {
  readonly id: string;
  readonly organizationId?: string;
  readonly livemode?: boolean;
  readonly streamId?: string;
  readonly version?: number;
  /** Null for a private fact. */
  readonly topic?: string | null;
  readonly key?: string;
  readonly value?: string;
  readonly metadata?: object;
}

/** Stores facts as `works_append` does, with their rows in the outbox. Resolves with their positions. */
export async function insertFacts(on: Pool | PoolClient | Client, facts: readonly StoredFact[]): Promise<string[]> {
  const rows = facts.map((fact) => ({
    organization_id: 'org_a',
    livemode: true,
    stream_id: fact.id,
    version: 1,
    topic: 'note.written',
    log_key: fact.id,
    public: '{}',
    metadata: {},
    ...Object.fromEntries(
      Object.entries({
        id: fact.id,
        organization_id: fact.organizationId,
        livemode: fact.livemode,
        stream_id: fact.streamId,
        version: fact.version,
        topic: fact.topic,
        log_key: fact.topic === null ? null : fact.key,
        public: fact.topic === null ? null : fact.value,
        metadata: fact.metadata,
      }).filter(([, value]) => value !== undefined),
    ),
  }));
  const { rows: stored }: QueryResult<{ at: string }> = await (on as Pool).query(
    `with appended as (
       insert into events (organization_id, livemode, id, stream_id, version, type, data, topic, log_key, public, metadata, occurred_at)
       select f.organization_id, f.livemode, f.id, f.stream_id, f.version, coalesce(f.topic, 'note.kept'), '{}', f.topic, f.log_key, f.public, f.metadata, now()
         from jsonb_to_recordset($1::jsonb) as f(id text, organization_id text, livemode boolean, stream_id text, version integer, topic text,
                                                 log_key text, public text, metadata jsonb)
       returning position, organization_id, livemode, topic
     ), announced as (
       insert into outbox (position, organization_id, livemode)
       select a.position, a.organization_id, a.livemode from appended a where a.topic is not null
     )
     select a.position::text as at from appended a order by a.position`,
    [JSON.stringify(rows)],
  );
  return stored.map(({ at }) => at);
}
