import { Body, Controller, Param, Post } from '@nestjs/common';
import { PublishTemplateVersionBody, Template } from '@works/contracts/templates';
import { WithoutCatchingUp } from '@works/platform/caught-up';
import { EventStore, requireMatch, type CommandRequest, type Decision, type RecordedAnswer } from '@works/platform/event-store';
import { Command, invalid, Operation, RequireScope } from '@works/platform/http';
import { Problem } from '@works/platform/problems';
import type { TemplateDraft } from '../domain/template';
import { faultsIn } from '../domain/template-faults';
import { draftOf, published, VERSION_TAKEN } from '../new-template';
import { Templates } from '../templates/templates';

/** Of those who publish a template at the same instant one gets the next number, and the others decide again: enough turns for this many. */
const PUBLISHERS_MAX = 64;

@Controller()
export class PublishTemplateVersion {
  constructor(
    private readonly store: EventStore,
    private readonly templates: Templates,
  ) {}

  @Post('/templates/:key/versions')
  @RequireScope('templates:write')
  @WithoutCatchingUp()
  @Operation({
    summary: 'Publish the next version of a template',
    description:
      'Projects that exist keep the version they were planned with. Send `If-Match` to publish only on top of the version you have read.',
    tag: 'Templates',
    body: PublishTemplateVersionBody,
    example: {
      name: 'Pop-up shop',
      milestones: [
        {
          key: 'handover',
          name: 'Handover',
          due: { offset: 15, unit: 'business_days', from: 'start' },
          tasks: [{ key: 'snags', title: 'Close every snag', due: { offset: -2, unit: 'business_days', from: 'milestone' } }],
        },
      ],
    },
    answers: { 201: Template },
  })
  async publish(
    @Param('key') key: string,
    @Body() body: PublishTemplateVersionBody,
    @Command() request: CommandRequest,
  ): Promise<RecordedAnswer> {
    const draft = draftOf(key, body);
    const faults = faultsIn(draft);
    if (faults.length > 0) throw invalid(faults);
    return this.store.create(request, () => this.next(draft, request), {
      lostRace: { constraint: VERSION_TAKEN, decisionsMax: PUBLISHERS_MAX },
    });
  }

  private async next(draft: TemplateDraft, request: CommandRequest): Promise<Decision> {
    const { caller, now } = request;
    const newest = await this.templates.find(caller, draft.key, null);
    if (newest === null) throw new Problem('not_found', 'There is no such resource.');
    const { id, version, created_at } = newest;
    requireMatch(request, version);
    return published({ ...draft, id, version: version + 1, created_at, published_at: now.toISOString() }, caller);
  }
}
