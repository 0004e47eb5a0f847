import fc from 'fast-check';
import { addDays, WEEKDAYS } from '@works/platform/calendar';
import { aPhase, aTask, aTemplate, ASHA, countedIds } from './delivery.examples';
import { scaffold } from './scaffold';
import type { DueRule, TemplateDraft, TemplateMilestone, TemplateTask } from './template';
import { aDraft, days } from './template.examples';
import { faultsIn } from './template-faults';

const dates = fc.integer({ min: 20_000, max: 22_000 }).map((day) => addDays('1970-01-01', day));
const rules = (min: number, max: number, ...from: DueRule['from'][]): fc.Arbitrary<DueRule> =>
  fc.record({
    offset: fc.integer({ min, max }),
    unit: fc.constantFrom('business_days' as const, 'days' as const),
    from: fc.constantFrom(...from),
  });
const texts = fc.constantFrom('Plain', 'Lay {{floor_area}} sq ft', '{{ floor_area }}', 'Odd { braces }');

/** Valid by construction: a task waits only for tasks before it in a hidden order, and stands in the template at a place of chance. */
const valid: fc.Arbitrary<TemplateDraft> = fc
  .record({
    working_days: fc.subarray([...WEEKDAYS], { minLength: 1 }),
    holidays: fc.uniqueArray(dates, { maxLength: 20 }),
    phases: fc.array(rules(0, 30, 'start', 'milestone'), { minLength: 1, maxLength: 5 }),
    tasks: fc.array(
      fc.record({
        due: fc.oneof(rules(0, 30, 'start', 'milestone'), rules(-30, 0, 'end')),
        title: texts,
        description: fc.option(texts),
        role: fc.constantFrom('lead', null),
        waits: fc.array(fc.nat(), { maxLength: 3 }),
        at: fc.nat(),
        priority: fc.constantFrom('urgent' as const, 'low' as const),
      }),
      { minLength: 1, maxLength: 12 },
    ),
  })
  .map(({ working_days, holidays, phases, tasks }) => {
    const planned = tasks.map(({ waits, at, ...task }, index) => ({
      phase: at % phases.length,
      at,
      task: aTask(`task_${index}`, {
        ...task,
        depends_on: index === 0 ? [] : [...new Set(waits.map((chance) => `task_${chance % index}`))],
      }),
    }));
    const inPhase = (phase: number) => planned.filter((one) => one.phase === phase).sort((a, b) => a.at - b.at);
    return aDraft({
      calendar: { working_days, holidays },
      milestones: phases.map((due, phase) => aPhase(`phase_${phase}`, { due, tasks: inPhase(phase).map(({ task }) => task) })),
    });
  });

const tasksOf = (draft: TemplateDraft) => draft.milestones.flatMap(({ tasks }) => tasks);

/** The draft with one task changed, and where that is. */
function changing(draft: TemplateDraft, chance: number, change: (task: TemplateTask) => TemplateTask): [TemplateDraft, pointer: string] {
  const places = draft.milestones.flatMap(({ tasks }, phase) => tasks.map((_, place) => ({ phase, place })));
  const { phase, place } = places[chance % places.length]!;
  const changed = (milestone: TemplateMilestone) => ({ ...milestone, tasks: milestone.tasks.with(place, change(milestone.tasks[place]!)) });
  return [{ ...draft, milestones: draft.milestones.with(phase, changed(draft.milestones[phase]!)) }, `/milestones/${phase}/tasks/${place}`];
}

type Planted = (draft: TemplateDraft, chance: number) => [TemplateDraft, fault: string];

const plants: Record<string, Planted> = {
  'an unknown role': (draft, chance) => {
    const [faulty, pointer] = changing(draft, chance, (task) => ({ ...task, role: 'cook' }));
    return [faulty, `${pointer}/role unknown_key`];
  },
  'an unknown variable': (draft, chance) => {
    const [faulty, pointer] = changing(draft, chance, (task) => ({ ...task, description: 'In {{city}}' }));
    return [faulty, `${pointer}/description unknown_key`];
  },
  'an unknown task': (draft, chance) => {
    const [faulty, pointer] = changing(draft, chance, (task) => ({ ...task, depends_on: ['nothing', ...task.depends_on] }));
    return [faulty, `${pointer}/depends_on/0 unknown_key`];
  },
  'a task that waits for itself': (draft, chance) => {
    const [faulty, pointer] = changing(draft, chance, (task) => ({ ...task, depends_on: [task.key, ...task.depends_on] }));
    return [faulty, `${pointer}/depends_on/0 cycle`];
  },
  'a line of a checklist twice': (draft, chance) => {
    const line = { key: 'x', title: 'X' };
    const [faulty, pointer] = changing(draft, chance, (task) => ({ ...task, checklist: [line, line] }));
    return [faulty, `${pointer}/checklist/1/key duplicate`];
  },
  'a rule that leads to before the start': (draft, chance) => {
    const [faulty, pointer] = changing(draft, chance, (task) => ({ ...task, due: days(-1 - (chance % 9), 'start') }));
    return [faulty, `${pointer}/due not_computable`];
  },
  'a task twice': (draft) => {
    const milestones = [...draft.milestones, aPhase('last', { tasks: [aTask('task_0', { depends_on: [] })] })];
    return [{ ...draft, milestones }, `/milestones/${draft.milestones.length}/tasks/0/key duplicate`];
  },
  'a holiday that is no date': (draft) => {
    const { holidays } = draft.calendar;
    return [
      { ...draft, calendar: { ...draft.calendar, holidays: [...holidays, '2026-02-30'] } },
      `/calendar/holidays/${holidays.length} not_a_date`,
    ];
  },
};

describe('whatever a template says', () => {
  it('when it is right it has no faults, and every project can be planned with it', () => {
    fc.assert(
      fc.property(valid, dates, fc.boolean(), (draft, date, forward) => {
        expect(faultsIn(draft)).toEqual([]);
        const anchor = forward ? { starts_on: date } : { due_on: date };
        const brief = { ownerId: ASHA, roles: {}, variables: { floor_area: 1_200 }, anchor, timeZone: 'Asia/Kolkata' };
        const plan = scaffold({ ...aTemplate(), ...draft }, brief, countedIds());
        const planned = new Map(plan.milestones.flatMap(({ tasks }) => tasks).map((task) => [task.key, task]));
        for (const task of tasksOf(draft)) {
          expect(planned.get(task.key)!.depends_on).toEqual(task.depends_on.map((key) => planned.get(key)!.id));
        }
        expect(JSON.stringify(plan)).not.toContain('{{');
      }),
    );
  });

  it.each(Object.entries(plants))('%s is named, and only that', (_, plant) => {
    fc.assert(
      fc.property(valid, fc.nat(), (draft, chance) => {
        const [faulty, fault] = plant(draft, chance);
        expect(faultsIn(faulty).map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([fault]);
      }),
    );
  });

  // One dependency that closes a circle makes one knot, however many ways lead through it; what is said of it is a way round.
  it('a dependency that closes a circle is named as one cycle that is there', () => {
    fc.assert(
      fc.property(valid, fc.nat(), (draft, chance) => {
        const waiting = tasksOf(draft).filter(({ depends_on }) => depends_on.length > 0);
        fc.pre(waiting.length > 0);
        const last = waiting[chance % waiting.length]!;
        const first = last.depends_on[chance % last.depends_on.length]!;
        const milestones = draft.milestones.map((milestone) => ({
          ...milestone,
          tasks: milestone.tasks.map((task) => (task.key === first ? { ...task, depends_on: [...task.depends_on, last.key] } : task)),
        }));
        const [fault, ...others] = faultsIn({ ...draft, milestones });
        expect([fault!.code, others]).toEqual(['cycle', []]);
        const way = fault!.detail.replace('waits for itself: ', '').split(' → ');
        const of = new Map(milestones.flatMap(({ tasks }) => tasks).map((task) => [task.key, task]));
        way.slice(1).forEach((key, index) => expect(of.get(way[index]!)!.depends_on).toContain(key));
        expect(way.at(-1)).toBe(way[0]);
      }),
    );
  });

  // Holidays make a plan's dates move against each other; what they push out of the project falls on its edge, and planning never fails.
  it('whatever rules pass can be planned from every day, within its span', () => {
    const anyRules = fc.array(rules(-40, 40, 'start', 'end', 'milestone'), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(anyRules, fc.uniqueArray(dates, { maxLength: 30 }), dates, fc.boolean(), (dues, holidays, date, forward) => {
        const milestones = dues.map((due, index) =>
          aPhase(`phase_${index}`, { due, tasks: [aTask(`task_${index}`, { due: dues[(index + 1) % dues.length]! })] }),
        );
        const draft = aDraft({ milestones, calendar: { working_days: ['monday', 'tuesday', 'thursday'], holidays } });
        fc.pre(faultsIn(draft).length === 0);
        const anchor = forward ? { starts_on: date } : { due_on: date };
        const brief = { ownerId: ASHA, roles: {}, variables: { floor_area: 1 }, anchor, timeZone: 'Asia/Kolkata' };
        const plan = scaffold({ ...aTemplate(), ...draft }, brief, countedIds());
        for (const due of plan.milestones.flatMap((milestone) => [milestone.due_on, ...milestone.tasks.map((task) => task.due_on)])) {
          expect(plan.starts_on <= due && due <= plan.due_on).toBe(true);
        }
        expect(plan).toMatchObject(anchor);
      }),
    );
  });
});
