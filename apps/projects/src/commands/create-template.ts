import { Body, Controller, Post } from '@nestjs/common';
import { CreateTemplateBody, Template } from '@works/contracts/templates';
import { WithoutCatchingUp } from '@works/platform/caught-up';
import { RuleViolation } from '@works/platform/errors';
import { EventStore, type CommandRequest, type RecordedAnswer } from '@works/platform/event-store';
import { Command, invalid, Operation, RequireScope } from '@works/platform/http';
import { newId } from '@works/platform/ids';
import { faultsIn } from '../domain/template-faults';
import { draftOf, published, VERSION_TAKEN } from '../new-template';
import { builtIn } from '../templates/built-in';

@Controller()
export class CreateTemplate {
  constructor(private readonly store: EventStore) {}

  @Post('/templates')
  @RequireScope('templates:write')
  @WithoutCatchingUp()
  @Operation({
    summary: 'Create a template',
    description: 'Publishes its version 1 at once. Everything that is wrong with it is named at once.',
    tag: 'Templates',
    body: CreateTemplateBody,
    example: {
      key: 'pop_up_v1',
      name: 'Pop-up shop',
      milestones: [
        {
          key: 'handover',
          name: 'Handover',
          due: { offset: 10, unit: 'business_days', from: 'start' },
          tasks: [{ key: 'snags', title: 'Close every snag', due: { offset: -2, unit: 'business_days', from: 'milestone' } }],
        },
      ],
    },
    answers: { 201: Template },
    refuses: ['template_key_taken'],
  })
  async create(@Body() body: CreateTemplateBody, @Command() request: CommandRequest): Promise<RecordedAnswer> {
    const draft = draftOf(body.key, body);
    const faults = faultsIn(draft);
    if (faults.length > 0) throw invalid(faults);
    const at = request.now.toISOString();
    const decide = () => {
      if (builtIn(body.key, null) !== null) throw keyTaken(body.key);
      return published({ ...draft, id: newId('tpl'), version: 1, created_at: at, published_at: at }, request.caller);
    };
    return this.store.create(request, decide, {
      refusal: (constraint) => (constraint === VERSION_TAKEN ? keyTaken(body.key) : null),
    });
  }
}

const keyTaken = (key: string): RuleViolation =>
  new RuleViolation('template_key_taken', `There is a template ${key} already. Publish a version of it: POST /templates/${key}/versions.`);
