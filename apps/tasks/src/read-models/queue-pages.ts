import type { Caller } from '@works/platform/caller';
import { endOfDay, today } from '@works/platform/calendar';
import type { CursorKey, ListIdentity } from '@works/platform/pagination';
import type { Task, UserId } from '../domain/task';
import type { QueueGroup } from './queue-statement';

/** Whose queue, divided by which instant and by whose day. */
export interface Asked {
  readonly userId: UserId;
  readonly caller: Caller;
  readonly timeZone: string;
  readonly asOf: string;
}

/** One group as the list that its cursors belong to. */
export const groupList = ({ userId, caller, timeZone }: Omit<Asked, 'asOf'>, group: QueueGroup): ListIdentity => ({
  name: 'queue',
  tenant: caller,
  filter: { user_id: userId, group, time_zone: timeZone },
});

/**
 * The place behind a task, and the instant at which the walk began. A walk keeps the groups as they were divided then: what falls due
 * meanwhile, or a midnight between two pages, moves no task out of a group whose walk has not come to it yet.
 */
export const placeBehind = ({ overdue_at, id }: Task, asOf: string): CursorKey => [overdue_at, id, asOf];

export interface Place {
  readonly overdueAt: string | null;
  readonly id: string;
  readonly asOf: string;
}

export const placeOf = ([overdueAt, id, asOf]: CursorKey): Place => ({
  overdueAt: overdueAt as string | null,
  id: String(id),
  asOf: String(asOf),
});

export const endOfTodayOf = ({ asOf, timeZone }: Pick<Asked, 'asOf' | 'timeZone'>): string =>
  endOfDay(today(new Date(asOf), timeZone), timeZone);
