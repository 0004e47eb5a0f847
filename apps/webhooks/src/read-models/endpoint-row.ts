import { HEALTH_ATTEMPTS_MAX, HEALTH_COUNT_MAX, type WebhookEndpoint } from '@works/contracts/webhooks';
import type { EventFilter } from '../domain/event-filter';

export interface EndpointRow {
  id: string;
  url: string;
  description: string | null;
  events: string[];
  projects: string[];
  filter: EventFilter;
  status: 'enabled' | 'disabled';
  disabled_reason: string | null;
  ordering: 'none' | 'project';
  max_in_flight: number;
  rate_limit_per_second: number | null;
  headers: Record<string, string>;
  /** Null when only the newest secret signs. */
  secrets_expire_at: Date | null;
  version: number;
  created_at: Date;
  updated_at: Date;
  breaker: WebhookEndpoint['breaker'];
  attempts_24h: number;
  success_rate_24h: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  failing_since: Date | null;
  oldest_pending_at: Date | null;
  pending: number;
  dead: number;
}

/** What every endpoint begins with: nothing has been sent yet. */
export const NEW_ENDPOINT: Omit<EndpointRow, 'id' | 'url' | 'created_at' | 'updated_at'> = {
  ...{ description: null, events: [], projects: [], filter: {}, headers: {}, disabled_reason: null, secrets_expire_at: null, version: 1 },
  status: 'enabled',
  ordering: 'none',
  // As many as a small receiver answers at one time without feeling it.
  max_in_flight: 16,
  rate_limit_per_second: null,
  breaker: 'closed',
  ...{ attempts_24h: 0, success_rate_24h: null, p50_ms: null, p95_ms: null, p99_ms: null },
  ...{ failing_since: null, oldest_pending_at: null, pending: 0, dead: 0 },
};

/** Endpoints with how they fare: index ranges that end after so many rows, however much there is. */
export const SELECT_ENDPOINTS = `
  select e.id, e.url, e.description, e.events, e.projects, e.filter, e.status, e.disabled_reason, e.ordering, e.max_in_flight, e.rate_limit_per_second, e.headers,
         case when e.secrets_expire_at > now() then e.secrets_expire_at end as secrets_expire_at, e.version, e.created_at, e.updated_at,
         case when e.breaker_opened_at is null then 'closed' when probing.is_so then 'half_open' else 'open' end as breaker,
         recent.*, e.failing_since, waiting.*, gone.dead
    from webhook_endpoints e
    cross join lateral (
      select count(*)::int as attempts_24h, avg((a.error is null)::int)::float as success_rate_24h,
             percentile_cont(0.5) within group (order by a.duration_ms) as p50_ms,
             percentile_cont(0.95) within group (order by a.duration_ms) as p95_ms,
             percentile_cont(0.99) within group (order by a.duration_ms) as p99_ms
        from (select a.error, a.duration_ms from attempts a
               where a.endpoint_id = e.id and a.started_at > now() - interval '24 hours' order by a.started_at desc limit ${HEALTH_ATTEMPTS_MAX}) a
    ) recent
    cross join lateral (
      select min(d.created_at) as oldest_pending_at, count(*)::int as pending
        from (select d.created_at from deliveries_pending d
               where d.endpoint_id = e.id and d.next_attempt_at is not null order by d.created_at limit ${HEALTH_COUNT_MAX}) d
    ) waiting
    cross join lateral (
      select count(*)::int as dead
        from (select from deliveries d where d.endpoint_id = e.id and d.status = 'dead' and d.replayed_as is null limit ${HEALTH_COUNT_MAX}) d
    ) gone
    cross join lateral (
      select e.breaker_opened_at is not null and exists (
        select from deliveries_pending d where d.organization_id || d.livemode::text = e.organization_id || e.livemode::text
           and d.endpoint_id = e.id and d.status = 'pending' and d.lease_token is not null) as is_so
    ) probing
   where e.deleted_at is null`;

/** The secret is shown by the answer that made it and by no other. */
export const presentEndpoint = (row: EndpointRow, secret: string | null = null): WebhookEndpoint => ({
  id: row.id,
  object: 'webhook_endpoint',
  url: row.url,
  description: row.description,
  events: row.events,
  projects: row.projects,
  filter: inOneOrder(row.filter),
  status: row.status,
  disabled_reason: row.disabled_reason,
  ordering: row.ordering,
  max_in_flight: row.max_in_flight,
  rate_limit_per_second: row.rate_limit_per_second,
  breaker: row.breaker,
  headers: row.headers,
  secret,
  secrets_expire_at: row.secrets_expire_at?.toISOString() ?? null,
  health: {
    attempts_24h: row.attempts_24h,
    success_rate_24h: row.success_rate_24h,
    p50_ms: row.p50_ms,
    p95_ms: row.p95_ms,
    p99_ms: row.p99_ms,
    failing_since: row.failing_since?.toISOString() ?? null,
    oldest_pending_at: row.oldest_pending_at?.toISOString() ?? null,
    pending: row.pending,
    dead: row.dead,
  },
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
  version: row.version,
});

/** The table keeps no order of members; every answer has the same. */
const inOneOrder = (filter: EventFilter): EventFilter => Object.fromEntries(Object.entries(filter).sort(([a], [b]) => (a < b ? -1 : 1)));
