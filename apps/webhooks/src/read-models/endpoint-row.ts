import type { WebhookEndpoint } from '@works/contracts/webhooks';
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
  max_in_flight: number;
  headers: Record<string, string>;
  /** Null when only the newest secret signs. */
  secrets_expire_at: Date | null;
  version: number;
  created_at: Date;
  updated_at: Date;
  success_rate_24h: number | null;
  p95_ms: number | null;
  oldest_pending_at: Date | null;
  pending: number;
  dead: number;
}

export const NO_TRAFFIC = { success_rate_24h: null, p95_ms: null, oldest_pending_at: null, pending: 0, dead: 0 } as const;

/** Endpoints with how they fare, one index range each. */
export const SELECT_ENDPOINTS = `
  select e.id, e.url, e.description, e.events, e.projects, e.filter, e.status, e.disabled_reason, e.max_in_flight, e.headers,
         case when e.secrets_expire_at > now() then e.secrets_expire_at end as secrets_expire_at, e.version, e.created_at, e.updated_at,
         recent.success_rate_24h, recent.p95_ms, waiting.oldest_pending_at, coalesce(waiting.pending, 0)::int as pending, coalesce(waiting.dead, 0)::int as dead
    from webhook_endpoints e
    left join lateral (
      select avg((a.error is null)::int)::float as success_rate_24h,
             percentile_cont(0.95) within group (order by a.duration_ms) as p95_ms
        from attempts a where a.endpoint_id = e.id and a.started_at > now() - interval '24 hours'
    ) recent on true
    left join lateral (
      select count(*) filter (where d.status = 'pending') as pending, count(*) filter (where d.status = 'dead') as dead,
             min(d.created_at) filter (where d.status = 'pending') as oldest_pending_at
        from deliveries d where d.organization_id = e.organization_id and d.livemode = e.livemode and d.endpoint_id = e.id and d.status in ('pending', 'dead') and d.replayed_as is null
    ) waiting on true
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
  ordering: 'none',
  max_in_flight: row.max_in_flight,
  headers: row.headers,
  secret,
  secrets_expire_at: row.secrets_expire_at?.toISOString() ?? null,
  health: {
    success_rate_24h: row.success_rate_24h,
    p95_ms: row.p95_ms,
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
