import { overdueAt } from './due';

const none = { due_on: null, due_at: null, time_zone: 'Asia/Kolkata' };

describe('a task is overdue', () => {
  it('never, without a date', () => expect(overdueAt(none)).toBeNull());

  it('from its instant on, whatever its zone', () => {
    expect(overdueAt({ ...none, due_at: '2026-11-24T10:00:00.000Z' })).toBe('2026-11-24T10:00:00.000Z');
  });

  it.each([
    ['2026-11-24', 'Asia/Kolkata', '2026-11-24T18:30:00.000Z'],
    ['2026-11-24', 'Asia/Kathmandu', '2026-11-24T18:15:00.000Z'],
    ['2026-11-24', 'America/New_York', '2026-11-25T05:00:00.000Z'],
    ['2026-11-24', 'America/Sao_Paulo', '2026-11-25T03:00:00.000Z'],
    ['2026-03-28', 'Europe/Berlin', '2026-03-28T23:00:00.000Z'],
    ['2026-03-29', 'Europe/Berlin', '2026-03-29T22:00:00.000Z'],
    ['2026-10-24', 'Europe/Berlin', '2026-10-24T22:00:00.000Z'],
    ['2026-10-25', 'Europe/Berlin', '2026-10-25T23:00:00.000Z'],
    ['2026-11-24', 'Pacific/Kiritimati', '2026-11-24T10:00:00.000Z'],
  ])('from the end of %s in %s', (due_on, time_zone, end) => expect(overdueAt({ ...none, due_on, time_zone })).toBe(end));
});
