import { isDeepStrictEqual } from 'node:util';
import { Body, Controller, Inject, Patch } from '@nestjs/common';
import { UpdateWebhookEndpointBody, WebhookEndpoint } from '@works/contracts/webhooks';
import type { ServiceConfig } from '@works/platform/config';
import type { CommandRequest, RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { SERVICE_CONFIG } from '@works/platform/service';
import { EndpointChanges } from '../endpoint-changes';
import { mayContact } from '../delivery/addresses';
import { checkAddress, checkHeaders } from '../domain/endpoint-address';
import { checkFilter } from '../domain/event-filter';
import type { EndpointRow } from '../read-models/endpoint-row';

@Controller()
export class UpdateWebhookEndpoint {
  constructor(
    private readonly endpoints: EndpointChanges,
    @Inject(SERVICE_CONFIG) private readonly config: ServiceConfig,
  ) {}

  @Patch('/webhook_endpoints/:id')
  @RequireScope('webhooks:write')
  @Operation({
    summary: 'Change a webhook endpoint',
    description: 'Fields that are left out stay as they are. Waiting deliveries stay; their next attempts go where the endpoint then says.',
    tag: 'Webhooks',
    body: UpdateWebhookEndpointBody,
    answers: { 200: WebhookEndpoint },
    refuses: ['endpoint_url_refused'],
  })
  update(
    @IdParam('id', 'whk') id: string,
    @Body() body: UpdateWebhookEndpointBody,
    @Command() request: CommandRequest,
  ): Promise<RecordedAnswer> {
    return this.endpoints.change(request, id, (endpoint) => {
      if (body.url !== undefined) checkAddress(body.url, { allowPrivate: this.config.allowPrivateAddresses, mayContact });
      checkHeaders(body.headers ?? {});
      checkFilter(body.filter ?? {});
      const shown = { ...body, ...(body.url !== undefined && { url: new URL(body.url).href }) };
      return isAlreadySo(endpoint, shown) ? null : { shown };
    });
  }
}

const isAlreadySo = (endpoint: EndpointRow, shown: UpdateWebhookEndpointBody): boolean =>
  Object.entries(shown).every(([field, value]) => isDeepStrictEqual(endpoint[field as keyof EndpointRow], value));
