import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { Replay, ReplayEventsBody, ReplayPreview } from '@works/contracts/replays';
import type { CommandRequest, RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, invalid, Operation, RequireScope } from '@works/platform/http';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import { noLongerKept } from '../read-models/no-longer-kept';
import { ReplayJobs, type PlannedReplay } from '../replay-jobs';

@Controller()
export class ReplayEndpointEvents {
  constructor(
    private readonly jobs: ReplayJobs,
    private readonly database: TenantDatabase,
  ) {}

  @Post('/webhook_endpoints/:id/replay')
  @HttpCode(202)
  @RequireScope('webhooks:write')
  @Operation({
    summary: 'Replay events to an endpoint',
    description:
      'Starts a job that sends the events from a position, or an instant, up to now once more, in order: those that match what the endpoint asks for today. An event that it has had before keeps its id and its sequence; one that it never had, because the endpoint is younger or asked for less, takes the next number, so that the sequence stays without gaps. What is under way already is passed over. `dry_run` answers 200 with the count, and writes nothing.',
    tag: 'Webhooks',
    body: ReplayEventsBody,
    example: { since: '2027-01-04T00:00:00Z', dry_run: true },
    answers: { 200: ReplayPreview, 202: Replay },
    refuses: ['too_many_replays', 'no_longer_kept'],
  })
  start(@IdParam('id', 'whk') id: string, @Body() body: ReplayEventsBody, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    checkBeginning(body);
    return this.jobs.start(request, body, () => this.plan(id, body, request));
  }

  private async plan(id: string, { from_position, since }: ReplayEventsBody, { caller }: CommandRequest): Promise<PlannedReplay> {
    const [counted] = await this.database.query<{
      at: Date;
      beginning: number;
      through: number;
      left: number;
      left_since: boolean;
      total: number;
    }>(
      caller,
      `select date_trunc('milliseconds', now()) as at, b.beginning::float, t.through::float, t.left_through::float as left,
              t.left_through > 0 and $4::timestamptz < coalesce(works_oldest_event_at($1, $2, t.left_through), now()) as left_since,
              (select count(*)::float from works_events_for($1, $2, e.id, $4, b.beginning, t.through, null)) as total
         from webhook_endpoints e
         cross join lateral (select coalesce($5::bigint, works_position_since($1, $2, $4)) as beginning) b
         cross join lateral (select coalesce(max(c.last_position), 0) as through, coalesce(max(c.left_through), 0) as left_through from event_counters c where c.organization_id = $1 and c.livemode = $2) t
        where e.id = $3 and e.deleted_at is null`,
      [caller.organizationId, caller.livemode, id, since ?? null, from_position ?? null],
    );
    if (counted === undefined) throw new Problem('not_found', 'There is no such resource.');
    const { at, beginning, through, left, left_since: leftSince, total } = counted;
    if (beginning <= left || leftSince) throw noLongerKept('Events', 'position', left);
    const filter = { endpoint_id: id, ...(since === undefined ? { from_position: from_position! } : { since }) };
    return { kind: 'events', endpointId: id, filter, total, place: String(beginning - 1), through, at };
  }
}

/** Exactly one beginning. */
function checkBeginning({ from_position, since }: ReplayEventsBody): void {
  if (from_position === undefined && since === undefined) {
    throw invalid([{ pointer: '/from_position', code: 'required', detail: 'is required, or since is' }]);
  }
  if (from_position !== undefined && since !== undefined) {
    throw invalid([{ pointer: '/since', code: 'not_together', detail: 'must not be given together with from_position' }]);
  }
}
