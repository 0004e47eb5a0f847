import fc from 'fast-check';
import { addDays, WEEKDAYS } from '@works/platform/calendar';
import { aPhase, aTask, aTemplate, ASHA, countedIds } from './delivery.examples';
import { scaffold, type Brief } from './scaffold';
import { schedule } from './schedule';
import type { DueRule, Template } from './template';

const dates = fc.integer({ min: 20_000, max: 22_000 }).map((day) => addDays('1970-01-01', day));
const rule = (min: number, max: number, ...from: DueRule['from'][]): fc.Arbitrary<DueRule> =>
  fc.record({
    offset: fc.integer({ min, max }),
    unit: fc.constantFrom('business_days' as const, 'days' as const),
    from: fc.constantFrom(...from),
  });
const forward = rule(0, 30, 'start', 'milestone');
const anywhere = fc.oneof(forward, rule(-30, 0, 'end'));

const templates: fc.Arbitrary<Template> = fc
  .record({
    working_days: fc.subarray([...WEEKDAYS], { minLength: 1 }),
    holidays: fc.array(dates, { maxLength: 30 }),
    phases: fc.array(fc.record({ due: forward, tasks: fc.array(anywhere, { maxLength: 4 }) }), { minLength: 1, maxLength: 4 }),
  })
  .map(({ working_days, holidays, phases }) =>
    aTemplate({
      calendar: { working_days, holidays },
      milestones: phases.map(({ due, tasks }, phase) =>
        aPhase(`phase_${phase}`, {
          due,
          tasks: tasks.map((taskDue, place) =>
            aTask(`task_${phase}_${place}`, { due: taskDue, depends_on: place > 0 ? [`task_${phase}_${place - 1}`] : [] }),
          ),
        }),
      ),
    }),
  );

const anchors = fc.oneof(
  dates.map((starts_on) => ({ starts_on })),
  dates.map((due_on) => ({ due_on })),
);
const briefOf = (anchor: Brief['anchor']): Brief => ({ ownerId: ASHA, roles: {}, variables: {}, anchor, timeZone: 'Asia/Kolkata' });

const allDates = (plan: { milestones: readonly { due_on: string; tasks: readonly (string | { due_on: string })[] }[] }): string[] =>
  plan.milestones.flatMap(({ due_on, tasks }) => [due_on, ...tasks.map((task) => (typeof task === 'string' ? task : task.due_on))]);

describe('whatever the template', () => {
  it('every due date lies between the start and the end, and the anchor stays where it was put', () => {
    fc.assert(
      fc.property(templates, anchors, (template, anchor) => {
        const plan = scaffold(template, briefOf(anchor), countedIds());
        for (const date of allDates(plan)) expect(plan.starts_on <= date && date <= plan.due_on).toBe(true);
        expect(plan).toMatchObject(anchor);
      }),
    );
  });

  it('a plan made backward from its end starts no earlier than the plan that led to that end', () => {
    fc.assert(
      fc.property(templates, dates, (template, starts_on) => {
        const forwardPlan = schedule(template, { starts_on });
        const backwardPlan = schedule(template, { due_on: forwardPlan.due_on });
        expect(backwardPlan.starts_on >= starts_on).toBe(true);
        expect(schedule(template, { starts_on: backwardPlan.starts_on }).due_on <= forwardPlan.due_on).toBe(true);
      }),
    );
  });

  it('a later start never makes anything due earlier', () => {
    fc.assert(
      fc.property(templates, dates, fc.integer({ min: 1, max: 60 }), (template, starts_on, later) => {
        const early = allDates(schedule(template, { starts_on }));
        const late = allDates(schedule(template, { starts_on: addDays(starts_on, later) }));
        // Dates that hang on the end are left out: a later start may meet fewer holidays, and end sooner after it.
        const hangsOnStart = template.milestones.flatMap(({ tasks }) => [true, ...tasks.map(({ due }) => due.from !== 'end')]);
        late.forEach((date, index) => hangsOnStart[index] && expect(date >= early[index]!).toBe(true));
      }),
    );
  });

  it('ids are unique, dependencies point at earlier tasks of the plan, positions count from one', () => {
    fc.assert(
      fc.property(templates, anchors, (template, anchor) => {
        const { milestones } = scaffold(template, briefOf(anchor), countedIds());
        const seen = new Set<string>();
        for (const task of milestones.flatMap(({ tasks }) => tasks)) {
          for (const dependency of task.depends_on) expect(seen.has(dependency)).toBe(true);
          expect(seen.has(task.id)).toBe(false);
          seen.add(task.id);
        }
        expect(milestones.map(({ position }) => position)).toEqual(milestones.map((_, index) => index + 1));
      }),
    );
  });

  it('the same brief gives the same plan', () => {
    fc.assert(
      fc.property(templates, anchors, (template, anchor) => {
        expect(scaffold(template, briefOf(anchor), countedIds())).toEqual(scaffold(template, briefOf(anchor), countedIds()));
      }),
    );
  });
});
