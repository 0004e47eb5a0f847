import { overdueAt } from './due';

const none = { due_on: null, due_at: null, time_zone: 'Asia/Kolkata' };

describe('a task is overdue', () => {
  it('never, without a date', () => expect(overdueAt(none)).toBeNull());

  it('from its instant on, whatever its zone', () => {
    expect(overdueAt({ ...none, due_at: '2026-11-24T10:00:00.000Z' })).toBe('2026-11-24T10:00:00.000Z');
  });

  it.each([
    ['Asia/Kolkata', '2026-11-24T18:30:00.000Z'],
    ['America/New_York', '2026-11-25T05:00:00.000Z'],
  ])('from the end of its day in %s', (time_zone, end) => expect(overdueAt({ ...none, due_on: '2026-11-24', time_zone })).toBe(end));
});
