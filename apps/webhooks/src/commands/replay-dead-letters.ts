import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { Replay, ReplayDeadLettersBody, ReplayPreview, type ReplayFilter } from '@works/contracts/replays';
import type { CommandRequest, RecordedAnswer } from '@works/platform/event-store';
import { Command, Operation, RequireScope } from '@works/platform/http';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import { ReplayJobs, type PlannedReplay } from '../replay-jobs';

@Controller()
export class ReplayDeadLetters {
  constructor(
    private readonly jobs: ReplayJobs,
    private readonly database: TenantDatabase,
  ) {}

  @Post('/dead_letters/replay')
  @HttpCode(202)
  @RequireScope('webhooks:write')
  @Operation({
    summary: 'Replay dead letters',
    description:
      'Starts a job that replays every dead letter there is now and that matches, oldest first, each as by `POST /deliveries/{id}/replay`. It survives restarts of ours, there is no most that it can take, and live events keep their places. One that somebody else has replayed meanwhile, another job too, is passed over: none is replayed twice. `dry_run` answers 200 with the count, and writes nothing.',
    tag: 'Webhooks',
    body: ReplayDeadLettersBody,
    answers: { 200: ReplayPreview, 202: Replay },
    refuses: ['unknown_reference', 'too_many_replays'],
  })
  start(@Body() body: ReplayDeadLettersBody, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    return this.jobs.start(request, body, () => this.plan(body.filter ?? {}, request));
  }

  private async plan(filter: ReplayFilter, { caller }: CommandRequest): Promise<PlannedReplay> {
    const endpointId = filter.endpoint_id ?? null;
    const [counted] = await this.database.query<{ at: Date; known: boolean; total: number }>(
      caller,
      // To the millisecond, as it is kept and shown.
      `select at, ($4::text is null or exists (select from webhook_endpoints e where e.id = $4 and e.deleted_at is null)) as known,
              (select count(*)::float from works_dead_letters($1, $2, $3, at, '', null, null)) as total
         from date_trunc('milliseconds', now()) as at`,
      [caller.organizationId, caller.livemode, JSON.stringify(filter), endpointId],
    );
    const { at, known, total } = counted!;
    if (!known) throw unknownEndpoint();
    return { kind: 'dead_letters', endpointId, filter, total, place: '', through: null, at };
  }
}

const unknownEndpoint = () =>
  new Problem('unknown_reference', '1 field is invalid.', {
    errors: [{ pointer: '/filter/endpoint_id', code: 'unknown_reference', detail: 'there is no such endpoint' }],
  });
