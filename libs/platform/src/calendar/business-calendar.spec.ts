import fc from 'fast-check';
import { addDays, BusinessCalendar, WEEKDAYS } from '.';

const office = new BusinessCalendar({
  working_days: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'],
  holidays: ['2026-12-25', '2027-01-01'],
});

describe('adding days', () => {
  it.each([
    ['2026-11-23', 0, '2026-11-23'],
    ['2026-11-23', 10, '2026-12-03'],
    ['2026-12-31', 1, '2027-01-01'],
    ['2024-02-28', 1, '2024-02-29'],
    ['2026-03-01', -1, '2026-02-28'],
    ['1970-01-01', -1, '1969-12-31'],
  ])('to %s: %i days make it %s', (date, count, result) => expect(addDays(date, count)).toBe(result));
});

describe('counting working days', () => {
  it.each([
    ['2026-11-23', 0, '2026-11-23', 'a Monday is itself'],
    ['2026-11-23', 4, '2026-11-27', 'to the Friday'],
    ['2026-11-23', 5, '2026-11-30', 'over the weekend'],
    ['2026-11-22', 0, '2026-11-23', 'a Sunday counts as the Monday'],
    ['2026-11-22', 1, '2026-11-24', 'and is planned like it'],
    ['2026-12-24', 1, '2026-12-28', 'over Christmas and a weekend'],
    ['2026-12-31', 1, '2027-01-04', 'over New Year and a weekend'],
    ['1969-12-31', 1, '1970-01-01', 'also before 1970'],
  ])('after %s: %i make it %s (%s)', (date, count, result) => expect(office.after(date, count)).toBe(result));

  it.each([
    ['2026-11-27', 0, '2026-11-27', 'a Friday is itself'],
    ['2026-11-29', 0, '2026-11-27', 'a Sunday counts as the Friday before'],
    ['2026-11-30', 5, '2026-11-23', 'over the weekend'],
    ['2026-12-28', 1, '2026-12-24', 'over a weekend and Christmas'],
  ])('before %s: %i make it %s (%s)', (date, count, result) => expect(office.before(date, count)).toBe(result));

  it('needs a working day', () => {
    expect(() => new BusinessCalendar({ working_days: [], holidays: [] })).toThrow('without working days');
  });
});

describe('in any calendar', () => {
  const dates = fc.integer({ min: -20_000, max: 40_000 }).map((day) => addDays('1970-01-01', day));
  const counts = fc.integer({ min: 0, max: 300 });
  const calendars = fc
    .record({
      working_days: fc.subarray([...WEEKDAYS], { minLength: 1 }),
      holidays: fc.array(fc.integer({ min: -300, max: 300 }), { maxLength: 40 }),
      near: dates,
    })
    .map(({ working_days, holidays, near }) => ({
      near,
      calendar: new BusinessCalendar({ working_days, holidays: holidays.map((days) => addDays(near, days)) }),
    }));

  it('a count never lands on a day off', () => {
    fc.assert(
      fc.property(calendars, counts, ({ near, calendar }, count) => {
        expect(calendar.isWorkingDay(calendar.after(near, count))).toBe(true);
        expect(calendar.isWorkingDay(calendar.before(near, count))).toBe(true);
      }),
    );
  });

  it('counting back undoes counting forward', () => {
    fc.assert(
      fc.property(calendars, counts, ({ near, calendar }, count) => {
        const from = calendar.after(near, 0);
        expect(calendar.before(calendar.after(from, count), count)).toBe(from);
      }),
    );
  });

  it('counts add up', () => {
    fc.assert(
      fc.property(calendars, counts, counts, ({ near, calendar }, first, second) => {
        expect(calendar.after(calendar.after(near, first), second)).toBe(calendar.after(near, first + second));
      }),
    );
  });

  it('more days lead later, and a later start never leads earlier', () => {
    fc.assert(
      fc.property(calendars, counts, fc.integer({ min: 0, max: 60 }), ({ near, calendar }, count, later) => {
        expect(calendar.after(near, count + 1) > calendar.after(near, count)).toBe(true);
        expect(calendar.after(addDays(near, later), count) >= calendar.after(near, count)).toBe(true);
        expect(calendar.before(addDays(near, later), count) >= calendar.before(near, count)).toBe(true);
      }),
    );
  });

  it('every working day in between is counted once', () => {
    fc.assert(
      fc.property(calendars, fc.integer({ min: 0, max: 40 }), ({ near, calendar }, count) => {
        const from = calendar.after(near, 0);
        const to = calendar.after(from, count);
        let worked = 0;
        for (let date = from; date < to; date = addDays(date, 1)) if (calendar.isWorkingDay(date)) worked++;
        expect(worked).toBe(count);
      }),
    );
  });
});
