import { Controller, HttpCode, Post } from '@nestjs/common';
import { WebhookEndpoint } from '@works/contracts/webhooks';
import type { CommandRequest, RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { EndpointChanges } from '../endpoint-changes';
import { DeliveryEngine } from '../delivery/delivery-engine';

@Controller()
export class EnableWebhookEndpoint {
  constructor(
    private readonly endpoints: EndpointChanges,
    private readonly engine: DeliveryEngine,
  ) {}

  @Post('/webhook_endpoints/:id/enable')
  @HttpCode(200)
  @RequireScope('webhooks:write')
  @Operation({
    summary: 'Enable a webhook endpoint',
    description: 'What it collected while it was disabled is sent now, in the order in which it happened.',
    tag: 'Webhooks',
    answers: { 200: WebhookEndpoint },
  })
  async enable(@IdParam('id', 'whk') id: string, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    const answer = await this.endpoints.change(request, id, ({ status }) =>
      status === 'enabled' ? null : { shown: { status: 'enabled', disabled_reason: null } },
    );
    this.engine.wake();
    return answer;
  }
}
