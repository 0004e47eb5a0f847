import type { UpdateTaskBody } from '@works/contracts/tasks';
import { fold } from '@works/platform/decider';
import { Problem } from '@works/platform/problems';
import { detailsAfter } from './changed-task';
import { evolve, type OpenTask, type Plan } from './domain/task';
import { created } from './domain/task.examples';

const after = (plan: Partial<Plan>, body: UpdateTaskBody) => detailsAfter(fold(evolve, [created(plan)]) as OpenTask, body);

function errorsOf(change: () => unknown): unknown {
  try {
    throw new Error(`Not refused, but: ${JSON.stringify(change())}`);
  } catch (error) {
    if (error instanceof Problem) return error.extra['errors'];
    throw error;
  }
}

describe('the due date after a change', () => {
  it.each<[string, Partial<Plan>, UpdateTaskBody, object]>([
    ['stays', { due_on: '2026-12-01' }, { title: 'x' }, { due_on: '2026-12-01', due_at: null, overdue_at: '2026-12-01T18:30:00.000Z' }],
    [
      'moves to another day',
      { due_on: '2026-12-01' },
      { due_on: '2026-12-02' },
      { due_on: '2026-12-02', overdue_at: '2026-12-02T18:30:00.000Z' },
    ],
    [
      'is an instant in place of a day',
      { due_on: '2026-12-01' },
      { due_at: '2026-12-03T10:00:00+05:30' },
      { due_on: null, due_at: '2026-12-03T04:30:00.000Z', overdue_at: '2026-12-03T04:30:00.000Z' },
    ],
    [
      'is a day in place of an instant',
      { due_at: '2026-12-03T04:30:00.000Z' },
      { due_on: '2026-12-01' },
      { due_on: '2026-12-01', due_at: null },
    ],
    ['goes', { due_on: '2026-12-01' }, { due_on: null }, { due_on: null, due_at: null, overdue_at: null }],
    [
      'stays when only the other kind of date goes',
      { due_at: '2026-12-03T04:30:00.000Z' },
      { due_on: null },
      { due_at: '2026-12-03T04:30:00.000Z' },
    ],
    [
      'ends with the day of another zone',
      { due_on: '2026-12-01' },
      { time_zone: 'America/New_York' },
      { due_on: '2026-12-01', time_zone: 'America/New_York', overdue_at: '2026-12-02T05:00:00.000Z' },
    ],
  ])('%s', (_, plan, body, expected) => expect(after(plan, body)).toMatchObject(expected));
});

describe('the checklist after a change', () => {
  const checklist = [
    { key: 'item_1', title: 'Ask', done: true },
    { key: 'sign', title: 'Sign', done: false },
  ];
  const lines = (wanted: UpdateTaskBody['checklist']) => after({ checklist }, { checklist: wanted! }).checklist;

  it('keeps of a line what is not said of it, in the new order', () =>
    expect(lines([{ key: 'sign', done: true }, { key: 'item_1' }])).toEqual([
      { key: 'sign', title: 'Sign', done: true },
      { key: 'item_1', title: 'Ask', done: true },
    ]));
  it('can rename a line, which keeps its tick', () =>
    expect(lines([{ key: 'item_1', title: 'Ask twice' }])).toEqual([{ key: 'item_1', title: 'Ask twice', done: true }]));
  it('knows a line without a key by its title', () => expect(lines([{ title: 'Ask' }])).toEqual([checklist[0]]));
  it('gives a new line a key that none has had', () =>
    expect(lines([{ title: 'First' }, { title: 'Ask' }, { title: 'Last' }])).toEqual([
      { key: 'item_2', title: 'First', done: false },
      { key: 'item_1', title: 'Ask', done: true },
      { key: 'item_3', title: 'Last', done: false },
    ]));
  it('takes each line for one only', () =>
    expect(lines([{ title: 'Ask' }, { title: 'Ask' }])!.map(({ key, done }) => [key, done])).toEqual([
      ['item_1', true],
      ['item_2', false],
    ]));
  it('is empty when it shall be', () => expect(lines([])).toEqual([]));
  it('refuses a new line without a title', () =>
    expect(errorsOf(() => lines([{ key: 'item_1' }, { key: 'new', done: true }, {}]))).toEqual([
      expect.objectContaining({ pointer: '/checklist/1/title', code: 'required' }),
      expect.objectContaining({ pointer: '/checklist/2/title', code: 'required' }),
    ]));
});

describe('metadata after a change', () => {
  const fifty = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, 'v']));

  it('sets what is named, removes what is null, keeps the rest', () =>
    expect(after({ metadata: { po: '1', so: '2', mo: '3' } }, { metadata: { po: null, so: '4', no: '5', never: null } }).metadata).toEqual({
      so: '4',
      mo: '3',
      no: '5',
    }));
  it('may exchange one key of fifty for another', () =>
    expect(Object.keys(after({ metadata: fifty }, { metadata: { k0: null, k50: 'v' } }).metadata!)).toHaveLength(50));
  it('refuses a fifty-first key', () =>
    expect(errorsOf(() => after({ metadata: fifty }, { metadata: { k50: 'v' } }))).toEqual([
      expect.objectContaining({ pointer: '/metadata', code: 'too_many' }),
    ]));
});
