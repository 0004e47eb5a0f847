import { Body, Controller, Inject, Post } from '@nestjs/common';
import { CreateWebhookEndpointBody, WebhookEndpoint } from '@works/contracts/webhooks';
import { WithoutCatchingUp } from '@works/platform/caught-up';
import type { ServiceConfig } from '@works/platform/config';
import { EventStore, type CommandRequest, type Decision, type RecordedAnswer, type Statement } from '@works/platform/event-store';
import { Command, Operation, RequireScope } from '@works/platform/http';
import { newId } from '@works/platform/ids';
import { SERVICE_CONFIG } from '@works/platform/service';
import { mayContact } from '../delivery/addresses';
import { checkAddress, checkHeaders } from '../domain/endpoint-address';
import { checkFilter } from '../domain/event-filter';
import { KeptSecrets } from '../delivery/kept-secrets';
import { newSigningSecret } from '../delivery/signing';
import { NEW_ENDPOINT, presentEndpoint, type EndpointRow } from '../read-models/endpoint-row';

@Controller()
export class CreateWebhookEndpoint {
  constructor(
    private readonly store: EventStore,
    @Inject(SERVICE_CONFIG) private readonly config: ServiceConfig,
    private readonly secrets: KeptSecrets,
  ) {}

  @Post('/webhook_endpoints')
  @RequireScope('webhooks:write')
  @WithoutCatchingUp()
  @Operation({
    summary: 'Register a webhook endpoint',
    description: 'From now on every matching event is sent there, signed with the secret that only this answer shows.',
    tag: 'Webhooks',
    body: CreateWebhookEndpointBody,
    answers: { 201: WebhookEndpoint },
    refuses: ['endpoint_url_refused'],
  })
  create(@Body() body: CreateWebhookEndpointBody, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    return this.store.create(request, () => this.decide(body, request));
  }

  private decide(body: CreateWebhookEndpointBody, { now, caller }: CommandRequest): Decision {
    checkAddress(body.url, { allowPrivate: this.config.allowPrivateAddresses, mayContact });
    checkHeaders(body.headers ?? {});
    checkFilter(body.filter ?? {});
    const secret = newSigningSecret();
    const row: EndpointRow = {
      ...NEW_ENDPOINT,
      id: newId('whk'),
      url: new URL(body.url).href,
      description: body.description ?? null,
      events: body.events ?? [],
      projects: body.projects ?? [],
      filter: body.filter ?? {},
      ordering: body.ordering ?? NEW_ENDPOINT.ordering,
      max_in_flight: body.max_in_flight ?? NEW_ENDPOINT.max_in_flight,
      rate_limit_per_second: body.rate_limit_per_second ?? null,
      headers: body.headers ?? {},
      created_at: now,
      updated_at: now,
    };
    return {
      changes: [],
      statements: [insertEndpoint(row, this.secrets.seal(row.id, secret), caller)],
      answer: { status: 201, body: presentEndpoint(row, secret), version: 1, location: `/webhook_endpoints/${row.id}`, secret: true },
    };
  }
}

const insertEndpoint = (row: EndpointRow, secret: string, { organizationId, livemode }: CommandRequest['caller']): Statement => ({
  text: `insert into webhook_endpoints (id, organization_id, livemode, url, description, events, ordering, max_in_flight, rate_limit_per_second,
                                        headers, secret, created_at, updated_at, projects, filter)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14)`,
  values: [
    row.id,
    organizationId,
    livemode,
    row.url,
    row.description,
    row.events,
    row.ordering,
    row.max_in_flight,
    row.rate_limit_per_second,
    JSON.stringify(row.headers),
    secret,
    row.created_at,
    row.projects,
    JSON.stringify(row.filter),
  ],
});
