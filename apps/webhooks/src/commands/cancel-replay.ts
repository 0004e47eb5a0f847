import { Controller, HttpCode, Post } from '@nestjs/common';
import { Replay } from '@works/contracts/replays';
import type { CommandRequest, RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { ReplayJobs } from '../replay-jobs';

@Controller()
export class CancelReplay {
  constructor(private readonly jobs: ReplayJobs) {}

  @Post('/replays/:id/cancel')
  @HttpCode(200)
  @RequireScope('webhooks:write')
  @Operation({
    summary: 'Cancel a replay',
    description:
      'It ends, and cannot be resumed. What it has made already is sent; what it has not reached stays as it was: a dead letter is still one.',
    tag: 'Webhooks',
    answers: { 200: Replay },
    refuses: ['replay_ended'],
  })
  cancel(@IdParam('id', 'rpl') id: string, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    return this.jobs.change(request, id, 'cancelled');
  }
}
