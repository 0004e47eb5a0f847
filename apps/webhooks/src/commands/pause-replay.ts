import { Controller, HttpCode, Post } from '@nestjs/common';
import { Replay } from '@works/contracts/replays';
import type { CommandRequest, RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { ReplayJobs } from '../replay-jobs';

@Controller()
export class PauseReplay {
  constructor(private readonly jobs: ReplayJobs) {}

  @Post('/replays/:id/pause')
  @HttpCode(200)
  @RequireScope('webhooks:write')
  @Operation({
    summary: 'Pause a replay',
    description: 'Nothing more is made until it is resumed. What it has made already is sent. A job that is paused stays as it is.',
    tag: 'Webhooks',
    answers: { 200: Replay },
    refuses: ['replay_ended'],
  })
  pause(@IdParam('id', 'rpl') id: string, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    return this.jobs.change(request, id, 'paused');
  }
}
