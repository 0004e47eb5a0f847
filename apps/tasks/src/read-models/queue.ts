import { Controller, Get, Query } from '@nestjs/common';
import { Queue, QueueQuery } from '@works/contracts/queues';
import { timeZoneNamed } from '@works/platform/calendar';
import type { Task as TaskResource } from '@works/contracts/tasks';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, IdParam, Now, Operation, RequireScope } from '@works/platform/http';
import { Pages, type Page } from '@works/platform/pagination';
import { TenantDatabase } from '@works/platform/tenancy';
import type { UserId } from '../domain/task';
import { endOfTodayOf, groupList, placeBehind, type Asked } from './queue-pages';
import { QUEUE_GROUP_MAX, QUEUE_GROUPS, QUEUE_STATEMENT, type QueueGroup, type QueueRow } from './queue-statement';
import { presentRow } from './task-rows';

@Controller()
export class FindQueue {
  constructor(
    private readonly database: TenantDatabase,
    private readonly pages: Pages,
  ) {}

  @Get('/users/:id/queue')
  @RequireScope('tasks:read')
  @Operation({
    summary: "A person's queue",
    description:
      'Their open tasks, grouped by when they fall due. Each group shows at most 100 tasks, those that fall due first; `counts` is exact, and ' +
      '`next_cursors` says where `GET /users/{id}/queue/tasks` goes on in each group that has more.',
    tag: 'Queues',
    query: QueueQuery,
    answers: { 200: Queue },
  })
  async find(
    @IdParam('id', 'usr') userId: UserId,
    @CurrentCaller() caller: Caller,
    @Query() query: QueueQuery,
    @Now() now: Date,
  ): Promise<Queue> {
    const asked: Asked = {
      userId,
      caller,
      timeZone: (query.time_zone && timeZoneNamed(query.time_zone)) ?? caller.timeZone,
      asOf: now.toISOString(),
    };
    const rows = await this.database.query<QueueRow>(caller, {
      ...QUEUE_STATEMENT,
      values: [userId, asked.asOf, endOfTodayOf(asked)],
    });
    const groups = byGroup((group) => rows.filter((row) => row.group === group));
    const shown = byGroup((group) => this.firstPage(asked, group, groups[group], now));
    return {
      object: 'queue',
      user_id: userId,
      time_zone: asked.timeZone,
      as_of: asked.asOf,
      counts: byGroup((group) => Number(groups[group][0]?.total ?? 0)),
      next_cursors: byGroup((group) => shown[group].next_cursor),
      overdue: shown.overdue.data,
      today: shown.today.data,
      upcoming: shown.upcoming.data,
      no_date: shown.no_date.data,
    };
  }

  private firstPage(asked: Asked, group: QueueGroup, rows: readonly QueueRow[], now: Date): Page<TaskResource> {
    return this.pages.answer(
      this.pages.read({ limit: QUEUE_GROUP_MAX }, groupList(asked, group)),
      rows,
      ({ state }) => placeBehind(state, asked.asOf),
      (row) => presentRow(row, now),
    );
  }
}

const byGroup = <Of>(of: (group: QueueGroup) => Of): Record<QueueGroup, Of> =>
  Object.fromEntries(QUEUE_GROUPS.map((group) => [group, of(group)])) as Record<QueueGroup, Of>;
