import { Controller, Get, Query } from '@nestjs/common';
import { EndpointEvent, PullEventsQuery, type Delivery } from '@works/contracts/webhooks';
import type { Caller } from '@works/platform/caller';
import { ClientGone, CurrentCaller, IdParam, json, listOf, Operation, RequireScope } from '@works/platform/http';
import { Pages } from '@works/platform/pagination';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import { SequenceWatch } from '../delivery/sequence-watch';
import { wholeBody } from './event-body';
import { noLongerKept } from './no-longer-kept';

/** Readers of one organization and mode that wait at one process: more than one each for all its endpoints would be a fault of theirs. */
const WAITERS_MAX = 64;

interface NumberedRow {
  last_sequence: string;
  sequence: string | null;
  delivery_id: string;
  delivery_status: Delivery['status'];
  body: string | null;
}
type Numbered = NumberedRow & { sequence: string };

/**
 * What an endpoint gets, for whoever would rather fetch it, or wants to know what it has missed. A sequence becomes visible only after all that are
 * lower (it moves under the endpoint's lock), so a reader that asks for what comes after the last it has passes over nothing.
 */
@Controller()
export class EndpointEvents {
  private readonly waiters = new Map<string, number>();

  constructor(
    private readonly database: TenantDatabase,
    private readonly pages: Pages,
    private readonly watch: SequenceWatch,
  ) {}

  @Get('/webhook_endpoints/:id/events')
  @RequireScope('events:read')
  @Operation({
    summary: 'Pull the events of an endpoint',
    description:
      'What was delivered to the endpoint, waits for it, or has died on the way, in the order of `webhook-sequence`: 1, 2, 3 without gaps. Ask with `after`, the last sequence you have, and nothing is ever passed over. With `wait` the answer comes when there is something newer, or when so many seconds have passed, with no rows. Pulling does not change what is sent.',
    tag: 'Webhooks',
    query: PullEventsQuery,
    answers: { 200: listOf(EndpointEvent) },
    refuses: ['too_many_waiting', 'no_longer_kept'],
    waits: true,
  })
  async pullEvents(
    @CurrentCaller() caller: Caller,
    @IdParam('id', 'whk') id: string,
    @Query() query: PullEventsQuery,
    @ClientGone() gone: AbortSignal,
  ) {
    const { after = 0, wait = 0 } = query;
    const page = this.pages.read(query, { name: 'endpoint_events', tenant: caller, filter: { id, after } });
    const named = (page.after?.[0] as number | undefined) ?? query.after;
    let from = named ?? 0;
    const look = async () => {
      for (;;) {
        const rows = await this.database.query<NumberedRow>(caller, 'select * from works_endpoint_events($1, $2, $3)', [
          id,
          from,
          page.limit + 1,
        ]);
        if (rows.length === 0) throw new Problem('not_found', 'There is no such resource.');
        const numbered = rows.filter((row): row is Numbered => row.sequence !== null);
        const lastSequence = Number(rows[0]!.last_sequence);
        const leftThrough = lastLeft(from, numbered, lastSequence);
        if (leftThrough === null) return { numbered, found: numbered.length > 0, lastSequence };
        if (named !== undefined) throw noLongerKept('Deliveries', 'sequence', leftThrough);
        from = leftThrough;
      }
    };
    const { numbered } = await this.waiting(caller, wait, () => this.watch.until(id, wait * 1_000, gone, look));
    const { data, ...rest } = this.pages.answer(page, numbered, (row) => [Number(row.sequence)], printed);
    return json(
      `{"object":"list","data":[${data.join(',')}],"has_more":${rest.has_more},"next_cursor":${JSON.stringify(rest.next_cursor)}}`,
    );
  }

  private async waiting<T>({ organizationId, livemode }: Caller, wait: number, work: () => Promise<T>): Promise<T> {
    if (wait === 0) return work();
    const tenant = `${organizationId} ${livemode}`;
    const others = this.waiters.get(tenant) ?? 0;
    if (others >= WAITERS_MAX) {
      throw new Problem(
        'too_many_waiting',
        `${others} requests of yours are waiting already. Ask without \`wait\`, or later.`,
        {},
        {
          'retry-after': '1',
        },
      );
    }
    this.waiters.set(tenant, others + 1);
    try {
      return await work();
    } finally {
      const left = this.waiters.get(tenant)! - 1;
      if (left === 0) this.waiters.delete(tenant);
      else this.waiters.set(tenant, left);
    }
  }
}

/** Numbers have no gaps, and each has its event: where one is not there, it has left. Null when none has, of those that come after `from`. */
function lastLeft(from: number, numbered: readonly Numbered[], lastSequence: number): number | null {
  if (numbered.length === 0) return from < lastSequence ? lastSequence : null;
  let left: number | null = null;
  let before = from;
  for (const { sequence, body } of numbered) {
    if (Number(sequence) !== before + 1) left = Number(sequence) - 1;
    before = Number(sequence);
    if (body === null) left = before;
  }
  return left;
}

/** Around the bytes of the event, as they are sent. */
const printed = ({ sequence, delivery_id, delivery_status, body }: Numbered): string =>
  `{"object":"endpoint_event","sequence":${sequence},"delivery_id":"${delivery_id}","delivery_status":"${delivery_status}","event":${body === null ? body : wholeBody(body)}}`;
