import { Controller, Get, Query } from '@nestjs/common';
import { DeadLetter, ListDeadLettersQuery, type AttemptFailure } from '@works/contracts/webhooks';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, listOf, Operation, RequireScope } from '@works/platform/http';
import { Pages } from '@works/platform/pagination';
import { TenantDatabase } from '@works/platform/tenancy';
import { DELIVERY_COLUMNS, presentDelivery, type DeliveryRow } from './delivery-row';

type DeadLetterRow = DeliveryRow & { last_error: AttemptFailure };

@Controller()
export class DeadLetters {
  constructor(
    private readonly database: TenantDatabase,
    private readonly pages: Pages,
  ) {}

  @Get('/dead_letters')
  @RequireScope('webhooks:read')
  @Operation({
    summary: 'List dead letters',
    description:
      'Deliveries whose eight attempts have failed and that nobody has replayed, newest first. `since` and `until` are about the end of the last attempt.',
    tag: 'Webhooks',
    query: ListDeadLettersQuery,
    answers: { 200: listOf(DeadLetter) },
  })
  async listDeadLetters(@CurrentCaller() caller: Caller, @Query() query: ListDeadLettersQuery) {
    const { endpoint_id: endpoint = null, event_type: type = null, stage = null, since = null, until = null } = query;
    const page = this.pages.read(query, { name: 'dead_letters', tenant: caller, filter: { endpoint, type, stage, since, until } });
    const rows = await this.database.query<DeadLetterRow>(
      caller,
      `select ${DELIVERY_COLUMNS}, last.error as last_error
         from deliveries d
         join webhook_endpoints e on e.id = d.endpoint_id and e.deleted_at is null
         join attempts last on last.delivery_id = d.id and last.number = d.attempts_made
        where d.organization_id = $1 and d.livemode = $2 and d.status = 'dead' and d.replayed_as is null
          and ($3::text is null or d.endpoint_id = $3) and ($4::text is null or d.event_type = $4) and ($5::text is null or last.error->>'stage' = $5)
          and ($6::timestamptz is null or d.updated_at >= $6) and ($7::timestamptz is null or d.updated_at < $7)
          and ($8::text is null or d.id < $8)
        order by d.id desc limit $9`,
      [caller.organizationId, caller.livemode, endpoint, type, stage, since, until, page.after?.[0] ?? null, page.limit + 1],
    );
    return this.pages.answer(
      page,
      rows,
      (row) => [row.id],
      (row) => ({ ...presentDelivery(row), last_error: row.last_error }),
    );
  }
}
