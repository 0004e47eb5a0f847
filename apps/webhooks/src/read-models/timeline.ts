import { Controller, Get, Query } from '@nestjs/common';
import type { PublicEvent } from '@works/contracts/events';
import { PageQuery } from '@works/contracts/lists';
import { changesOf, phraseOf } from '@works/contracts/phrases';
import { TimelineEntry } from '@works/contracts/timeline';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, IdParam, listOf, Operation, RequireScope } from '@works/platform/http';
import { Pages } from '@works/platform/pagination';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';

interface LoggedRow {
  position: string;
  body: string;
}

/** What happened in a project. Read from the log itself and kept nowhere else, so there is nothing that a rebuild could make different. */
@Controller()
export class Timeline {
  constructor(
    private readonly database: TenantDatabase,
    private readonly pages: Pages,
  ) {}

  @Get('/projects/:id/timeline')
  @RequireScope('events:read')
  @Operation({
    summary: 'Read the timeline of a project',
    description:
      'What happened to the project, its milestones and its tasks, oldest first, a line for each event. An entry is an event in words: its id is that of the event, and like the event it has no version, for it never changes.',
    tag: 'Projects',
    query: PageQuery,
    answers: { 200: listOf(TimelineEntry) },
  })
  async readTimeline(@CurrentCaller() caller: Caller, @IdParam('id', 'prj') id: string, @Query() query: PageQuery) {
    const page = this.pages.read(query, { name: 'timeline', tenant: caller, filter: { project: id } });
    const rows = await this.database.query<LoggedRow>(
      caller,
      `select position::text, body from event_log
        where organization_id = $1 and livemode = $2 and project_id = $3 and position > $4
        order by event_log.position limit $5`,
      [caller.organizationId, caller.livemode, id, page.after?.[0] ?? 0, page.limit + 1],
    );
    // A project begins with an event: one without any is a stranger's, or never was.
    if (rows.length === 0) throw new Problem('not_found', 'There is no such resource.');
    return this.pages.answer(page, rows, (row) => [Number(row.position)], entryOf);
  }
}

function entryOf({ body }: LoggedRow): TimelineEntry {
  const event = JSON.parse(body) as PublicEvent;
  return {
    id: event.id,
    object: 'timeline_entry',
    type: event.type,
    text: phraseOf(event),
    at: event.timestamp,
    // The log numbers what enters it, and a project's event names its project.
    position: event.position!,
    project_id: event.project_id!,
    subject: event.subject,
    actor: event.actor,
    changes: changesOf(event),
  };
}
