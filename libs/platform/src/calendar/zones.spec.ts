import fc from 'fast-check';
import { addDays, endOfDay, today, timeZoneNamed } from '.';

describe('the end of a day', () => {
  it.each([
    ['Asia/Kolkata', '2026-11-23', '2026-11-23T18:30:00.000Z', 'five and a half hours ahead'],
    ['Asia/Kathmandu', '2026-11-23', '2026-11-23T18:15:00.000Z', 'five and three quarters ahead'],
    ['Europe/Berlin', '2026-03-28', '2026-03-28T23:00:00.000Z', 'the night before the clocks go forward'],
    ['Europe/Berlin', '2026-03-29', '2026-03-29T22:00:00.000Z', 'a day of 23 hours'],
    ['Europe/Berlin', '2026-10-25', '2026-10-25T23:00:00.000Z', 'a day of 25 hours'],
    ['Pacific/Kiritimati', '2026-12-31', '2026-12-31T10:00:00.000Z', 'fourteen hours ahead, first into the new year'],
    ['Pacific/Apia', '2011-12-29', '2011-12-30T10:00:00.000Z', 'the next day was left out when the date line moved'],
    ['America/Sao_Paulo', '2018-02-17', '2018-02-18T03:00:00.000Z', 'the clocks went back at midnight, so that its last hour came twice'],
    ['America/Sao_Paulo', '2018-11-03', '2018-11-04T03:00:00.000Z', 'the next day had no midnight and began at one'],
    ['America/Sao_Paulo', '2018-11-04', '2018-11-05T02:00:00.000Z', 'that day, 23 hours long'],
    ['America/Sao_Paulo', '2026-02-28', '2026-03-01T03:00:00.000Z', 'no clock change any more'],
    ['UTC', '2024-02-28', '2024-02-29T00:00:00.000Z', 'a leap year'],
  ])('in %s on %s is %s (%s)', (zone, date, end) => expect(endOfDay(date, zone)).toBe(end));
});

describe('today', () => {
  const now = new Date('2026-11-23T18:20:00.000Z');

  it.each([
    ['Asia/Kolkata', '2026-11-23'],
    ['Asia/Kathmandu', '2026-11-24'],
    ['Europe/Berlin', '2026-11-23'],
    ['Pacific/Kiritimati', '2026-11-24'],
    ['America/Sao_Paulo', '2026-11-23'],
  ])('in %s is %s', (zone, date) => expect(today(now, zone)).toBe(date));

  const zones = fc.constantFrom(
    'Asia/Kolkata',
    'Asia/Kathmandu',
    'Europe/Berlin',
    'Pacific/Kiritimati',
    'America/Sao_Paulo',
    'Asia/Beirut',
  );
  const instants = fc.date({ min: new Date('2015-01-01T00:00:00Z'), max: new Date('2035-01-01T00:00:00Z'), noInvalidDate: true });

  // Guarantees that "due today" and "overdue" never hold at the same instant, nor neither of them.
  it('has begun, and ends later than now, in every zone at every instant', () => {
    fc.assert(
      fc.property(instants, zones, (instant, zone) => {
        const date = today(instant, zone);
        expect(endOfDay(date, zone) > instant.toISOString()).toBe(true);
        expect(endOfDay(addDays(date, -1), zone) <= instant.toISOString()).toBe(true);
      }),
    );
  });
});

describe('the name of a time zone', () => {
  it.each(['IST', 'PST', 'JST', 'BST', 'SystemV/AST4', '+05:30', 'Mars/Olympus', '', ' UTC'])('%s is none', (name) => {
    expect(timeZoneNamed(name)).toBeNull();
  });

  it('is answered as the tz database writes it', () => {
    const asked = ['europe/berlin', 'ASIA/KOLKATA', 'Asia/Calcutta', 'utc', 'etc/gmt+5', 'america/port-au-prince', 'africa/dar_es_salaam'];
    expect(asked.map(timeZoneNamed)).toEqual([
      'Europe/Berlin',
      'Asia/Kolkata',
      'Asia/Calcutta',
      'UTC',
      'Etc/GMT+5',
      'America/Port-au-Prince',
      'Africa/Dar_es_Salaam',
    ]);
  });

  // Guarantees that whatever is taken can be computed with, and under its own name: one judge, of names as of days.
  it('is one that days end in, for every zone that this machine knows', () => {
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      expect([zone, timeZoneNamed(zone.toLowerCase())]).toEqual([zone, zone]);
      expect(endOfDay('2026-03-01', zone)).toMatch(/Z$/);
    }
  });
});
