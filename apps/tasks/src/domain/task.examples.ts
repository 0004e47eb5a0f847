import type { Id } from '@works/platform/ids';
import type { Comment, Details, Plan, TaskEvent } from './task';

/** Words for the specs: one plain task, and what may have happened to it. */
export const MORNING = '2026-11-23T03:30:00.000Z';
export const NOON = '2026-11-23T06:30:00.000Z';
export const ASHA: Id<'usr'> = 'usr_01JD8K3V9QWERTYASDFGHZXCVB';
export const BRAM: Id<'usr'> = 'usr_01JD8K3V9QWERTYASDFGHZXCVC';
export const KEY = { type: 'api_key', id: 'key_01JD8K3V9QWERTYASDFGHZXCVB' } as const;

export const A_COMMENT: Comment = { id: 'cmt_01JD8K3V9QWERTYASDFGHZXCVB', body: 'The glass arrives on Friday.', author: KEY };

export const aPlan = (overrides: Partial<Plan> = {}): Plan => ({
  id: 'tsk_01JD8K3V9QWERTYASDFGHZXCVB',
  project_id: null,
  milestone_id: null,
  key: null,
  title: 'Order the glass partitions',
  description: null,
  priority: 'normal',
  due_on: null,
  due_at: null,
  time_zone: 'Asia/Kolkata',
  overdue_at: null,
  checklist: [],
  depends_on: [],
  metadata: {},
  ...overrides,
});

export const created = (overrides: Partial<Plan> = {}): TaskEvent => ({
  type: 'task.created',
  data: { ...aPlan(overrides), at: MORNING, blocked: false },
});
export const assigned = (to: Id<'usr'>): TaskEvent => ({ type: 'task.assigned', data: { assignee_id: to, at: MORNING, blocked: false } });
export const updated = (changes: Partial<Details>): TaskEvent => ({ type: 'task.updated', data: { changes, at: MORNING, blocked: false } });
export const reopened: TaskEvent = { type: 'task.reopened', data: { at: MORNING, blocked: false } };
export const completed: TaskEvent = { type: 'task.completed', data: { by: KEY, at: MORNING } };
export const cancelled: TaskEvent = { type: 'task.cancelled', data: { at: MORNING } };
