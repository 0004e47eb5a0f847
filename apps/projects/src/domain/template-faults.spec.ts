import { aPhase, aTask } from './delivery.examples';
import type { TemplateDraft, TemplateTask } from './template';
import { aDraft, businessDays, days, theLargest } from './template.examples';
import { faultsIn } from './template-faults';

const faults = (overrides: Partial<TemplateDraft>) => faultsIn(aDraft(overrides)).map(({ pointer, code }) => `${pointer} ${code}`);
const withTasks = (...tasks: TemplateTask[]) => ({ milestones: [aPhase('first', { tasks })] });
const details = (overrides: Partial<TemplateDraft>) => faultsIn(aDraft(overrides)).map(({ detail }) => detail);

describe('publishing a template', () => {
  it('goes ahead when nothing is wrong with it', () => {
    expect(faultsIn(aDraft())).toEqual([]);
    expect(faultsIn(theLargest())).toEqual([]);
  });

  it('names everything that is wrong at once', () => {
    expect(
      faults({
        roles: [...aDraft().roles, ...aDraft().roles],
        calendar: { working_days: ['monday'], holidays: ['2026-02-30'] },
        milestones: [
          aPhase('first', { name: '{{area}}', tasks: [aTask('a', { role: 'cook', depends_on: ['a'] })] }),
          aPhase('first', { due: days(-1, 'start') }),
        ],
      }),
    ).toEqual([
      '/calendar/holidays/0 not_a_date',
      '/roles/1/key duplicate',
      '/milestones/1/key duplicate',
      '/milestones/0/tasks/0/role unknown_key',
      '/milestones/0/name unknown_key',
      '/milestones/0/tasks/0/depends_on/0 cycle',
      '/milestones/1/due not_computable',
    ]);
  });

  describe('refuses keys that are there twice', () => {
    it('of variables, of checklist items within a task, and of tasks over the whole template', () => {
      const item = { key: 'x', title: 'X' };
      expect(faults({ variables: [...aDraft().variables, ...aDraft().variables] })).toEqual(['/variables/1/key duplicate']);
      expect(faults(withTasks(aTask('a', { checklist: [item, item] }), aTask('b', { checklist: [item] })))).toEqual([
        '/milestones/0/tasks/0/checklist/1/key duplicate',
      ]);
      expect(
        faults({ milestones: [aPhase('first', { tasks: [aTask('a')] }), aPhase('second', { tasks: [aTask('b'), aTask('a')] })] }),
      ).toEqual(['/milestones/1/tasks/1/key duplicate']);
    });
  });

  describe('refuses what points nowhere', () => {
    it('roles, variables in every kind of text, and tasks', () => {
      expect(faults(withTasks(aTask('a', { role: 'cook' }), aTask('b', { role: null })))).toEqual([
        '/milestones/0/tasks/0/role unknown_key',
      ]);
      expect(
        faults({
          milestones: [aPhase('first', { name: '{{x}}', tasks: [aTask('a', { title: '{{y}}', description: 'a {{z}}, {{ z }}, {{}}' })] })],
        }),
      ).toEqual([
        '/milestones/0/name unknown_key',
        '/milestones/0/tasks/0/title unknown_key',
        '/milestones/0/tasks/0/description unknown_key',
        '/milestones/0/tasks/0/description unknown_key',
      ]);
      expect(faults(withTasks(aTask('a', { depends_on: ['b', 'c'] }), aTask('b')))).toEqual([
        '/milestones/0/tasks/0/depends_on/1 unknown_key',
      ]);
    });

    it('but not braces that name nothing', () => {
      expect(faults(withTasks(aTask('a', { title: 'Set {a} and {{b}' })))).toEqual([]);
    });
  });

  describe('refuses tasks that wait for each other', () => {
    it('saying how, from the first of them on and by the shortest way', () => {
      const knot = withTasks(
        aTask('before'),
        aTask('a', { depends_on: ['before', 'c', 'b'] }),
        aTask('b', { depends_on: ['a'] }),
        aTask('c', { depends_on: ['b'] }),
        aTask('after', { depends_on: ['c'] }),
      );
      expect(faults(knot)).toEqual(['/milestones/0/tasks/1/depends_on/2 cycle']);
      expect(details(knot)).toEqual(['waits for itself: a → b → a']);
    });

    it('across milestones, and each knot for itself', () => {
      const first = aPhase('first', { tasks: [aTask('a', { depends_on: ['b'] }), aTask('self', { depends_on: ['self'] })] });
      expect(details({ milestones: [first, aPhase('second', { tasks: [aTask('b', { depends_on: ['a'] })] })] })).toEqual([
        'waits for itself: a → b → a',
        'waits for itself: self → self',
      ]);
    });
  });

  describe('refuses due rules that cannot be computed', () => {
    const ofTask = (due: TemplateTask['due']) =>
      faults({ milestones: [aPhase('first', { due: days(5, 'start'), tasks: [aTask('a', { due })] })] });

    it.each([
      ['before the start', days(-1, 'start'), 'due not_computable'],
      ['before the start, by way of the milestone', days(-6, 'milestone'), 'due not_computable'],
      ['after the end', businessDays(1, 'end'), 'due not_computable'],
      ['further than ten years', days(3_651, 'start'), 'due/offset not_computable'],
      ['further than ten years of working days', businessDays(3_000, 'start'), 'due not_computable'],
    ])('%s', (_, due, fault) => expect(ofTask(due)).toEqual([`/milestones/0/tasks/0/${fault}`]));

    it.each([
      ['on the first day', businessDays(0, 'start')],
      ['on the last day', businessDays(0, 'end')],
      ['ten years away', days(3_650, 'start')],
      ['as far back as the start', days(-5, 'milestone')],
      ['as far back as the start in most weeks', businessDays(-4, 'milestone')],
    ])('but not %s', (_, due) => expect(ofTask(due)).toEqual([]));

    it('once, and not again for what hangs on them', () => {
      const tasks = [aTask('a', { due: days(2, 'milestone') }), aTask('b', { due: days(-2, 'start') })];
      expect(
        faults({ milestones: [aPhase('first', { due: days(4_000, 'start'), tasks }), aPhase('second', { due: days(9, 'milestone') })] }),
      ).toEqual(['/milestones/0/due/offset not_computable', '/milestones/0/tasks/1/due not_computable']);
    });

    it('also where ten years are passed only together', () => {
      const phases = Array.from({ length: 11 }, (_, index) => aPhase(`phase_${index}`, { due: days(365, 'milestone') }));
      expect(faults({ milestones: phases })).toEqual(['/milestones/10/due not_computable']);
    });
  });

  describe('refuses calendars', () => {
    it.each<[string, TemplateDraft['calendar'], string]>([
      ['without a working day', { working_days: [], holidays: [] }, '/calendar/working_days too_few'],
      ['with a weekday twice', { working_days: ['monday', 'monday'], holidays: [] }, '/calendar/working_days/1 duplicate'],
      ['with a holiday twice', { working_days: ['monday'], holidays: ['2026-12-25', '2026-12-25'] }, '/calendar/holidays/1 duplicate'],
      ['with a holiday that is no date', { working_days: ['monday'], holidays: ['25.12.'] }, '/calendar/holidays/0 not_a_date'],
    ])('%s', (_, calendar, fault) => expect(faults({ calendar })).toEqual([fault]));
  });

  describe('refuses what is too large', () => {
    const tasks = (count: number, overrides: Partial<TemplateTask> = {}) =>
      Array.from({ length: count }, (_, index) => aTask(`task_${index}`, overrides));

    it('over 100 milestones, over 1,000 tasks in all', () => {
      expect(faults({ milestones: Array.from({ length: 101 }, (_, index) => aPhase(`phase_${index}`)) })).toEqual(['/milestones too_many']);
      const [first, ...rest] = tasks(1_001);
      expect(faults({ milestones: [aPhase('first', { tasks: [first!] }), aPhase('second', { tasks: rest })] })).toEqual([
        '/milestones too_many',
      ]);
      expect(faults({ milestones: [aPhase('second', { tasks: rest })] })).toEqual([]);
    });

    it('a plan that no event could carry', () => {
      expect(faults(withTasks(...tasks(100, { description: 'x'.repeat(10_000) })))).toEqual(['/milestones too_large']);
    });
  });
});
