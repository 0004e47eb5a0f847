import { Injectable } from '@nestjs/common';
import {
  EventStore,
  requireMatch,
  type Answer,
  type CommandRequest,
  type RecordedAnswer,
  type Statement,
} from '@works/platform/event-store';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import { presentEndpoint, SELECT_ENDPOINTS, type EndpointRow } from './read-models/endpoint-row';

/** What the answer shows of a change, and what only the table keeps. */
export interface EndpointChange {
  readonly shown: Partial<
    Pick<
      EndpointRow,
      | 'url'
      | 'description'
      | 'events'
      | 'projects'
      | 'filter'
      | 'status'
      | 'disabled_reason'
      | 'ordering'
      | 'max_in_flight'
      | 'rate_limit_per_second'
      | 'headers'
      | 'secrets_expire_at'
    >
  >;
  /** All secrets, sealed, and the new one to be shown once. */
  readonly rotated?: { readonly secrets: string; readonly secret: string };
}

/**
 * The corridor of every change to an endpoint: reads it, lets `decide` speak, and writes only on the version that was read; whoever
 * lost a race decides again. Null is "already so": nothing is written, and the answer is the endpoint as it is.
 */
@Injectable()
export class EndpointChanges {
  constructor(
    private readonly store: EventStore,
    private readonly database: TenantDatabase,
  ) {}

  change(
    request: CommandRequest,
    id: string,
    decide: (endpoint: EndpointRow) => EndpointChange | null | Promise<EndpointChange | null>,
  ): Promise<RecordedAnswer> {
    return this.store.create(request, async () => {
      const endpoint = await this.find(request, id);
      const change = await decide(endpoint);
      if (change === null) return { changes: [], answer: answerOf(endpoint) };
      const changed = {
        ...endpoint,
        ...change.shown,
        ...freshStart(endpoint, change),
        version: endpoint.version + 1,
        updated_at: request.now,
      };
      return {
        changes: [],
        statements: [advance(endpoint, request.now), write(changed, change.rotated?.secrets ?? null)],
        answer: answerOf(changed, change.rotated?.secret),
      };
    });
  }

  private async find(request: CommandRequest, id: string): Promise<EndpointRow> {
    const [endpoint] = await this.database.query<EndpointRow>(request.caller, `${SELECT_ENDPOINTS} and e.id = $1`, [id]);
    if (endpoint === undefined) throw new Problem('not_found', 'There is no such resource.');
    requireMatch(request, endpoint.version);
    return endpoint;
  }
}

/** What was learned of another address, or before somebody enabled it again, says nothing of what comes. */
const freshStart = ({ url, status }: EndpointRow, { shown }: EndpointChange): Partial<EndpointRow> =>
  (shown.url ?? url) !== url || (shown.status ?? status) !== status ? { breaker: 'closed', failing_since: null } : {};

const answerOf = (endpoint: EndpointRow, secret: string | null = null): Answer => ({
  status: 200,
  body: presentEndpoint(endpoint, secret),
  version: endpoint.version,
  secret: secret !== null,
});

const advance = ({ id, version }: EndpointRow, now: Date): Statement => ({
  text: 'select works_advance_endpoint($1, $2, $3)',
  values: [id, version, now],
});

const write = (row: EndpointRow, secrets: string | null): Statement => ({
  text: `update webhook_endpoints
            set url = $2, description = $3, events = $4, status = $5, disabled_reason = $6, max_in_flight = $7, headers = $8,
                secret = coalesce($9, secret), secrets_expire_at = $10, projects = $11, filter = $12, ordering = $13, rate_limit_per_second = $14,
                failing_since = case when url = $2 and status = $5 then failing_since end,
                breaker_opened_at = case when url = $2 and status = $5 then breaker_opened_at end,
                unreachable = case when url = $2 and status = $5 then unreachable else 0 end
          where id = $1`,
  values: [
    ...[row.id, row.url, row.description, row.events, row.status, row.disabled_reason, row.max_in_flight, JSON.stringify(row.headers)],
    ...[secrets, row.secrets_expire_at, row.projects, JSON.stringify(row.filter), row.ordering, row.rate_limit_per_second],
  ],
});
