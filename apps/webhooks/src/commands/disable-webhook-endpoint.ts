import { Controller, HttpCode, Post } from '@nestjs/common';
import { WebhookEndpoint } from '@works/contracts/webhooks';
import type { CommandRequest, RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { EndpointChanges } from '../endpoint-changes';

const REASON = 'Disabled by request.';

@Controller()
export class DisableWebhookEndpoint {
  constructor(private readonly endpoints: EndpointChanges) {}

  @Post('/webhook_endpoints/:id/disable')
  @HttpCode(200)
  @RequireScope('webhooks:write')
  @Operation({
    summary: 'Disable a webhook endpoint',
    description: 'Nothing is sent until it is enabled again; everything is collected for that day. Attempts under way may still arrive.',
    tag: 'Webhooks',
    answers: { 200: WebhookEndpoint },
  })
  disable(@IdParam('id', 'whk') id: string, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    return this.endpoints.change(request, id, ({ status }) =>
      status === 'disabled' ? null : { shown: { status: 'disabled', disabled_reason: REASON } },
    );
  }
}
