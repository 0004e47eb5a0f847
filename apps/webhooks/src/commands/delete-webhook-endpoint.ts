import { Controller, Delete } from '@nestjs/common';
import { DeletedWebhookEndpoint } from '@works/contracts/webhooks';
import { EventStore, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';

@Controller()
export class DeleteWebhookEndpoint {
  constructor(
    private readonly store: EventStore,
    private readonly database: TenantDatabase,
  ) {}

  @Delete('/webhook_endpoints/:id')
  @RequireScope('webhooks:write')
  @Operation({
    summary: 'Delete a webhook endpoint',
    description: 'What has not been delivered to it is cancelled; attempts under way may still arrive.',
    tag: 'Webhooks',
    answers: { 200: DeletedWebhookEndpoint },
  })
  delete(@IdParam('id', 'whk') id: string, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    return this.store.create(request, async () => {
      const found = await this.database.query(request.caller, 'select from webhook_endpoints where id = $1 and deleted_at is null', [id]);
      if (found.length === 0) throw new Problem('not_found', 'There is no such resource.');
      return {
        changes: [],
        statements: [
          { text: `update webhook_endpoints set deleted_at = $2, updated_at = $2 where id = $1`, values: [id, request.now] },
          {
            text: `select works_end_deliveries(array(select d.id from deliveries_pending d where d.endpoint_id = $1 and d.status = 'pending'), 'cancelled', $2)`,
            values: [id, request.now],
          },
        ],
        answer: { status: 200, body: { id, object: 'webhook_endpoint', deleted: true } },
      };
    });
  }
}
