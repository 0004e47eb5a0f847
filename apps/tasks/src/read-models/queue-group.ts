import { Controller, Get, Query } from '@nestjs/common';
import { QueueGroupQuery } from '@works/contracts/queues';
import { timeZoneNamed } from '@works/platform/calendar';
import { Task } from '@works/contracts/tasks';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, IdParam, listOf, Now, Operation, RequireScope } from '@works/platform/http';
import { Pages } from '@works/platform/pagination';
import { TenantDatabase } from '@works/platform/tenancy';
import type { UserId } from '../domain/task';
import { endOfTodayOf, groupList, placeBehind, placeOf, type Asked, type Place } from './queue-pages';
import { rangeOf, type QueueGroup } from './queue-statement';
import { presentRow, TASK_COLUMNS, type TaskRow } from './task-rows';

@Controller()
export class ListQueueGroup {
  constructor(
    private readonly database: TenantDatabase,
    private readonly pages: Pages,
  ) {}

  @Get('/users/:id/queue/tasks')
  @RequireScope('tasks:read')
  @Operation({
    summary: "One group of a person's queue, in pages",
    description:
      'What falls due first comes first. Without a cursor the group begins at its beginning; `next_cursors` of the queue go on behind what it ' +
      'shows. A walk keeps the groups as they were when it began, also when a midnight passes between two pages: a task that falls due ' +
      'meanwhile stays in the group in which it was, marked `overdue`. A task that stays in its group, with its due date, comes exactly once; ' +
      'one whose due date is changed meanwhile goes to its new place, where the walk may meet it again, or has passed by.',
    tag: 'Queues',
    query: QueueGroupQuery,
    answers: { 200: listOf(Task) },
  })
  async list(@IdParam('id', 'usr') userId: UserId, @CurrentCaller() caller: Caller, @Query() query: QueueGroupQuery, @Now() now: Date) {
    const whose = { userId, caller, timeZone: (query.time_zone && timeZoneNamed(query.time_zone)) ?? caller.timeZone };
    const page = this.pages.read(query, groupList(whose, query.group));
    const place = page.after === null ? null : placeOf(page.after);
    const asked: Asked = { ...whose, asOf: place?.asOf ?? now.toISOString() };
    const rows = await this.database.query<TaskRow>(caller, firstDueFirst(asked, query.group, place, page.limit + 1));
    return this.pages.answer(
      page,
      rows,
      ({ state }) => placeBehind(state, asked.asOf),
      (row) => presentRow(row, now),
    );
  }
}

/** A range of the index tasks_queue, in its order. */
function firstDueFirst(asked: Asked, group: QueueGroup, place: Place | null, count: number): { text: string; values: unknown[] } {
  const values: unknown[] = [asked.userId];
  const value = (given: unknown) => `$${values.push(given)}`;
  const inGroup = rangeOf(
    group,
    () => value(asked.asOf),
    () => value(endOfTodayOf(asked)),
  );
  const behind = place === null ? '' : `and ${isBehind(place, value)}`;
  return {
    text: `select ${TASK_COLUMNS} from tasks t
            where t.assignee_id = $1 and t.status = 'open' and ${inGroup} ${behind}
            order by t.overdue_at, t.id collate "C" limit ${value(count)}`,
    values,
  };
}

/** Tasks without a date are in the order of their ids. */
const isBehind = ({ overdueAt, id }: Place, value: (given: unknown) => string): string =>
  overdueAt === null ? `t.id collate "C" > ${value(id)}` : `(t.overdue_at, t.id collate "C") > (${value(overdueAt)}, ${value(id)})`;
