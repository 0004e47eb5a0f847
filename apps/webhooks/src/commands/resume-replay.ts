import { Controller, HttpCode, Post } from '@nestjs/common';
import { Replay } from '@works/contracts/replays';
import type { CommandRequest, RecordedAnswer } from '@works/platform/event-store';
import { Command, IdParam, Operation, RequireScope } from '@works/platform/http';
import { ReplayJobs } from '../replay-jobs';

@Controller()
export class ResumeReplay {
  constructor(private readonly jobs: ReplayJobs) {}

  @Post('/replays/:id/resume')
  @HttpCode(200)
  @RequireScope('webhooks:write')
  @Operation({
    summary: 'Resume a replay',
    description: 'It goes on where it was. A job that is running stays as it is.',
    tag: 'Webhooks',
    answers: { 200: Replay },
    refuses: ['replay_ended'],
  })
  resume(@IdParam('id', 'rpl') id: string, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    return this.jobs.change(request, id, 'running');
  }
}
