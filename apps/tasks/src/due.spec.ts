import { endOfToday, overdueAt } from './due';

const none = { due_on: null, due_at: null, time_zone: 'Asia/Kolkata' };

describe('a task is overdue', () => {
  it('never, without a date', () => expect(overdueAt(none)).toBeNull());

  it('from its instant on', () => {
    expect(overdueAt({ ...none, due_at: '2026-11-24T10:00:00.000Z' })).toBe('2026-11-24T10:00:00.000Z');
  });

  it.each([
    ['Asia/Kolkata', '2026-11-24', '2026-11-24T18:30:00.000Z'],
    ['UTC', '2026-11-24', '2026-11-25T00:00:00.000Z'],
    ['America/New_York', '2026-11-24', '2026-11-25T05:00:00.000Z'],
    ['Pacific/Kiritimati', '2026-11-24', '2026-11-24T10:00:00.000Z'],
    ['Asia/Kolkata', '2024-02-29', '2024-02-29T18:30:00.000Z'],
  ])('from the end of its day in %s', (time_zone, due_on, end) => expect(overdueAt({ ...none, due_on, time_zone })).toBe(end));

  // In Beirut the clocks of 2026-03-29 go from 00:00 to 01:00: that day has no midnight.
  it('from the first instant of the next day, where there is no midnight', () => {
    expect(overdueAt({ ...none, due_on: '2026-03-28', time_zone: 'Asia/Beirut' })).toBe('2026-03-28T22:00:00.000Z');
  });
});

describe('the end of today', () => {
  const now = new Date('2026-11-23T20:00:00.000Z');

  it('differs with the zone of the reader', () => {
    expect(endOfToday(now, 'Asia/Kolkata')).toBe('2026-11-24T18:30:00.000Z');
    expect(endOfToday(now, 'America/New_York')).toBe('2026-11-24T05:00:00.000Z');
  });

  it('is still to come at the first instant of a day', () => {
    expect(endOfToday(new Date('2026-11-23T18:30:00.000Z'), 'Asia/Kolkata')).toBe('2026-11-24T18:30:00.000Z');
  });
});
