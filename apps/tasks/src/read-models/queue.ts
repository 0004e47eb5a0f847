import { Controller, Get, Query } from '@nestjs/common';
import { Queue, QueueQuery } from '@works/contracts/queues';
import type { Caller } from '@works/platform/caller';
import { endOfDay, today } from '@works/platform/calendar';
import { CurrentCaller, IdParam, Now, Operation, RequireScope } from '@works/platform/http';
import { TenantDatabase } from '@works/platform/tenancy';
import type { UserId } from '../domain/task';
import { QUEUE_STATEMENT, type QueueGroup, type QueueRow } from './queue-statement';
import { presentRow } from './task-rows';

@Controller()
export class FindQueue {
  constructor(private readonly database: TenantDatabase) {}

  @Get('/users/:id/queue')
  @RequireScope('tasks:read')
  @Operation({
    summary: "A person's queue",
    description:
      'Their open tasks, grouped by when they fall due. Each group shows at most 100 tasks, those that fall due first; `counts` is exact.',
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
    const timeZone = query.time_zone ?? caller.timeZone;
    const values = [userId, now.toISOString(), endOfDay(today(now, timeZone), timeZone)];
    const rows = await this.database.query<QueueRow>(caller, { ...QUEUE_STATEMENT, values });
    const inGroup = (group: QueueGroup) => rows.filter((row) => row.group === group);
    const shown = (group: QueueGroup) => inGroup(group).map((row) => presentRow(row, now));
    const counted = (group: QueueGroup) => Number(inGroup(group)[0]?.total ?? 0);
    return {
      object: 'queue',
      user_id: userId,
      time_zone: timeZone,
      as_of: now.toISOString(),
      counts: { overdue: counted('overdue'), today: counted('today'), upcoming: counted('upcoming'), no_date: counted('no_date') },
      overdue: shown('overdue'),
      today: shown('today'),
      upcoming: shown('upcoming'),
      no_date: shown('no_date'),
    };
  }
}
