import { Controller, Get, Query } from '@nestjs/common';
import { PageQuery } from '@works/contracts/lists';
import { WebhookEndpoint } from '@works/contracts/webhooks';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, IdParam, listOf, Operation, RequireScope, resource } from '@works/platform/http';
import { Pages } from '@works/platform/pagination';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import { presentEndpoint, SELECT_ENDPOINTS, type EndpointRow } from './endpoint-row';

@Controller()
export class WebhookEndpoints {
  constructor(
    private readonly database: TenantDatabase,
    private readonly pages: Pages,
  ) {}

  @Get('/webhook_endpoints')
  @RequireScope('webhooks:read')
  @Operation({
    summary: 'List webhook endpoints',
    description: 'Newest first.',
    tag: 'Webhooks',
    query: PageQuery,
    answers: { 200: listOf(WebhookEndpoint) },
  })
  async listWebhookEndpoints(@CurrentCaller() caller: Caller, @Query() query: PageQuery) {
    const page = this.pages.read(query, { name: 'webhook_endpoints', tenant: caller, filter: {} });
    const rows = await this.database.query<EndpointRow>(
      caller,
      `${SELECT_ENDPOINTS} and ($1::text is null or e.id < $1) order by e.id desc limit $2`,
      [page.after?.[0] ?? null, page.limit + 1],
    );
    return this.pages.answer(
      page,
      rows,
      (row) => [row.id],
      (row) => presentEndpoint(row),
    );
  }

  @Get('/webhook_endpoints/:id')
  @RequireScope('webhooks:read')
  @Operation({ summary: 'Get a webhook endpoint', description: 'With how it fares.', tag: 'Webhooks', answers: { 200: WebhookEndpoint } })
  async getWebhookEndpoint(@CurrentCaller() caller: Caller, @IdParam('id', 'whk') id: string) {
    const [row] = await this.database.query<EndpointRow>(caller, `${SELECT_ENDPOINTS} and e.id = $1`, [id]);
    if (row === undefined) throw new Problem('not_found', 'There is no such resource.');
    return resource(presentEndpoint(row), row.version);
  }
}
