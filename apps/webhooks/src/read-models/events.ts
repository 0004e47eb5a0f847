import { Controller, Get, Query } from '@nestjs/common';
import { Event, ListEventsQuery } from '@works/contracts/webhooks';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, IdParam, json, listOf, Operation, RequireScope } from '@works/platform/http';
import { Pages } from '@works/platform/pagination';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import { wholeBody } from './event-body';
import { noLongerKept } from './no-longer-kept';

interface EventRow {
  position: string;
  body: string;
}

/** The organization's log. Bodies are passed on as the bytes they are kept in: the very bytes that endpoints get. */
@Controller()
export class Events {
  constructor(
    private readonly database: TenantDatabase,
    private readonly pages: Pages,
  ) {}

  @Get('/events')
  @RequireScope('events:read')
  @Operation({
    summary: 'List events',
    description:
      'Everything that happened, oldest first, numbered without gaps. Follow it with `after`, the last position you have: nothing is ever passed over.',
    tag: 'Events',
    query: ListEventsQuery,
    answers: { 200: listOf(Event) },
    refuses: ['no_longer_kept'],
  })
  async listEvents(@CurrentCaller() caller: Caller, @Query() query: ListEventsQuery) {
    const { type = null, subject = null, project_id: project = null, after = 0 } = query;
    const page = this.pages.read(query, { name: 'events', tenant: caller, filter: { type, subject, project, after } });
    const place = (page.after?.[0] as number | undefined) ?? query.after;
    const rows = await this.database.query<EventRow>(
      caller,
      `select position::text, body from event_log
        where organization_id = $1 and livemode = $2 and position > $3
          and ($4::text is null or type = $4) and ($5::text is null or subject = $5) and ($6::text is null or project_id = $6)
        order by event_log.position limit $7`,
      [caller.organizationId, caller.livemode, place ?? 0, type, subject, project, page.limit + 1],
    );
    if (place !== undefined && (rows.length === 0 || rows.some(({ position }, index) => Number(position) !== place + index + 1)))
      await this.checkKept(caller, place);
    const { data, ...rest } = this.pages.answer(
      page,
      rows,
      (row) => [Number(row.position)],
      (row) => wholeBody(row.body),
    );
    return json(
      `{"object":"list","data":[${data.join(',')}],"has_more":${rest.has_more},"next_cursor":${JSON.stringify(rest.next_cursor)}}`,
    );
  }

  @Get('/events/:id')
  @RequireScope('events:read')
  @Operation({ summary: 'Get an event', tag: 'Events', answers: { 200: Event } })
  async getEvent(@CurrentCaller() caller: Caller, @IdParam('id', 'evt') id: string) {
    const [row] = await this.database.query<EventRow>(caller, 'select position::text, body from event_log where id = $1', [id]);
    if (row === undefined) throw new Problem('not_found', 'There is no such resource.');
    return json(wholeBody(row.body));
  }

  /** After the rows were read: whatever leaves meanwhile is seen here. Positions have no gaps, so a reader is never led over any in silence. */
  private async checkKept(caller: Caller, place: number): Promise<void> {
    const [counter] = await this.database.query<{ left_through: string }>(
      caller,
      'select left_through::text from event_counters where organization_id = $1 and livemode = $2 and left_through > $3',
      [caller.organizationId, caller.livemode, place],
    );
    if (counter !== undefined) throw noLongerKept('Events', 'position', Number(counter.left_through));
  }
}
