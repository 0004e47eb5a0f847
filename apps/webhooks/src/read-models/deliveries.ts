import { Controller, Get, Query } from '@nestjs/common';
import { Delivery, DeliveryWithAttempts, ListDeliveriesQuery, type Attempt } from '@works/contracts/webhooks';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, IdParam, listOf, Operation, RequireScope, resource } from '@works/platform/http';
import { Pages } from '@works/platform/pagination';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import { DELIVERY_COLUMNS, presentDelivery, type DeliveryRow } from './delivery-row';

type AttemptRow = Omit<Attempt, 'object' | 'started_at'> & { started_at: Date };

@Controller()
export class Deliveries {
  constructor(
    private readonly database: TenantDatabase,
    private readonly pages: Pages,
  ) {}

  @Get('/webhook_endpoints/:id/deliveries')
  @RequireScope('webhooks:read')
  @Operation({
    summary: 'List the deliveries of an endpoint',
    description: 'Newest first. `since` and `until` are about `created_at`.',
    tag: 'Webhooks',
    query: ListDeliveriesQuery,
    answers: { 200: listOf(Delivery) },
  })
  async listDeliveries(@CurrentCaller() caller: Caller, @IdParam('id', 'whk') id: string, @Query() query: ListDeliveriesQuery) {
    const { status = null, event_type: type = null, since = null, until = null } = query;
    const page = this.pages.read(query, { name: 'deliveries', tenant: caller, filter: { id, status, type, since, until } });
    const known = await this.database.query(caller, 'select from webhook_endpoints where id = $1 and deleted_at is null', [id]);
    if (known.length === 0) throw new Problem('not_found', 'There is no such resource.');
    const rows = await this.database.query<DeliveryRow>(
      caller,
      `select ${DELIVERY_COLUMNS} from deliveries d
        where d.organization_id = $1 and d.livemode = $2 and d.endpoint_id = $3 and ($4::text is null or d.status = $4)
          and ($5::text is null or d.event_type = $5) and ($6::timestamptz is null or d.created_at >= $6)
          and ($7::timestamptz is null or d.created_at < $7) and ($8::text is null or d.id < $8)
        order by d.id desc limit $9`,
      [caller.organizationId, caller.livemode, id, status, type, since, until, page.after?.[0] ?? null, page.limit + 1],
    );
    return this.pages.answer(page, rows, (row) => [row.id], presentDelivery);
  }

  @Get('/deliveries/:id')
  @RequireScope('webhooks:read')
  @Operation({
    summary: 'Get a delivery',
    description: 'With every attempt made.',
    tag: 'Webhooks',
    answers: { 200: DeliveryWithAttempts },
  })
  async getDelivery(@CurrentCaller() caller: Caller, @IdParam('id', 'dlv') id: string) {
    const [row] = await this.database.query<DeliveryRow>(caller, `select ${DELIVERY_COLUMNS} from deliveries d where d.id = $1`, [id]);
    if (row === undefined) throw new Problem('not_found', 'There is no such resource.');
    const attempts = await this.database.query<AttemptRow>(
      caller,
      `select id, number, started_at, status_code, error, duration_ms, timings, address, response_body, response_headers
         from attempts where delivery_id = $1 order by number`,
      [id],
    );
    const delivery = presentDelivery(row);
    return resource({ ...delivery, attempts: attempts.map(presentAttempt) }, delivery.version);
  }
}

const presentAttempt = ({ id, started_at, ...row }: AttemptRow): Attempt => ({
  id,
  object: 'attempt',
  ...row,
  started_at: started_at.toISOString(),
});
