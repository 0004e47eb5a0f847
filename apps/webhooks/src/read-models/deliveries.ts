import { Controller, Get, Query } from '@nestjs/common';
import { Delivery, DeliveryWithAttempts, ListDeliveriesQuery, type Attempt } from '@works/contracts/webhooks';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, IdParam, listOf, Operation, RequireScope, resource } from '@works/platform/http';
import { Pages } from '@works/platform/pagination';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';

interface DeliveryRow extends Pick<Delivery, 'id' | 'endpoint_id' | 'event_id' | 'event_type' | 'status' | 'attempts_made'> {
  sequence: string;
  next_attempt_at: Date | null;
  delivered_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

type AttemptRow = Omit<Attempt, 'object' | 'started_at'> & { started_at: Date };

const DELIVERY_COLUMNS =
  'id, endpoint_id, event_id, event_type, sequence::text, status, attempts_made, next_attempt_at, delivered_at, created_at, updated_at';

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
    description: 'Newest first.',
    tag: 'Webhooks',
    query: ListDeliveriesQuery,
    answers: { 200: listOf(Delivery) },
  })
  async listDeliveries(@CurrentCaller() caller: Caller, @IdParam('id', 'whk') id: string, @Query() query: ListDeliveriesQuery) {
    const page = this.pages.read(query, { name: 'deliveries', tenant: caller, filter: { endpoint: id, status: query.status ?? null } });
    const known = await this.database.query(caller, 'select from webhook_endpoints where id = $1 and deleted_at is null', [id]);
    if (known.length === 0) throw new Problem('not_found', 'There is no such resource.');
    const rows = await this.database.query<DeliveryRow>(
      caller,
      `select ${DELIVERY_COLUMNS} from deliveries
        where organization_id = $1 and livemode = $2 and endpoint_id = $3 and ($4::text is null or status = $4) and ($5::text is null or id < $5)
        order by id desc limit $6`,
      [caller.organizationId, caller.livemode, id, query.status ?? null, page.after?.[0] ?? null, page.limit + 1],
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
    const [row] = await this.database.query<DeliveryRow>(caller, `select ${DELIVERY_COLUMNS} from deliveries where id = $1`, [id]);
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

const presentDelivery = (row: DeliveryRow): Delivery => ({
  id: row.id,
  object: 'delivery',
  endpoint_id: row.endpoint_id,
  event_id: row.event_id,
  event_type: row.event_type,
  sequence: Number(row.sequence),
  status: row.status,
  attempts_made: row.attempts_made,
  next_attempt_at: row.next_attempt_at?.toISOString() ?? null,
  delivered_at: row.delivered_at?.toISOString() ?? null,
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
  // Only attempts change a delivery.
  version: row.attempts_made + 1,
});

const presentAttempt = ({ id, started_at, ...row }: AttemptRow): Attempt => ({
  id,
  object: 'attempt',
  ...row,
  started_at: started_at.toISOString(),
});
