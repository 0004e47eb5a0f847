import { RuleViolation } from '@works/platform/errors';
import { aPhase, aTask, aTemplate, ASHA, BRAM, countedIds } from './delivery.examples';
import { scaffold, type Brief } from './scaffold';
import type { DueRule, Template } from './template';

const aBrief = (overrides: Partial<Brief> = {}): Brief => ({
  ownerId: ASHA,
  roles: {},
  variables: {},
  anchor: { starts_on: '2026-11-23' },
  timeZone: 'Asia/Kolkata',
  ...overrides,
});
const planned = (template: Template, brief: Partial<Brief> = {}) => scaffold(template, aBrief(brief), countedIds());

function refusalOf(template: Template, brief: Partial<Brief> = {}): RuleViolation {
  try {
    throw new Error(`Not refused, but: ${JSON.stringify(planned(template, brief))}`);
  } catch (error) {
    if (error instanceof RuleViolation) return error;
    throw error;
  }
}

const businessDays = (offset: number, from: DueRule['from']): DueRule => ({ offset, unit: 'business_days', from });
const days = (offset: number, from: DueRule['from']): DueRule => ({ offset, unit: 'days', from });

describe('a plan', () => {
  it('has the milestones and tasks of the template, with ids and in order', () => {
    const plan = planned(
      aTemplate({ milestones: [aPhase('first', { tasks: [aTask('a'), aTask('b', { depends_on: ['a'] })] }), aPhase('second')] }),
    );
    expect(plan.milestones.map(({ id, key, position }) => ({ id, key, position }))).toEqual([
      { id: 'mst_1', key: 'first', position: 1 },
      { id: 'mst_4', key: 'second', position: 2 },
    ]);
    expect(plan.milestones[0]!.tasks).toEqual([
      expect.objectContaining({ id: 'tsk_2', key: 'a', depends_on: [], assignee_id: ASHA }),
      expect.objectContaining({ id: 'tsk_3', key: 'b', depends_on: ['tsk_2'] }),
    ]);
  });

  it('lets a task wait for one that stands later', () => {
    const plan = planned(aTemplate({ milestones: [aPhase('first', { tasks: [aTask('a', { depends_on: ['b'] }), aTask('b')] })] }));
    const [a, b] = plan.milestones[0]!.tasks;
    expect(a!.depends_on).toEqual([b!.id]);
  });

  it('has values in the place of placeholders, in names, titles and descriptions', () => {
    const template = aTemplate({
      variables: [
        { key: 'area', type: 'number', required: true },
        { key: 'city', type: 'text', required: false },
      ],
      milestones: [
        aPhase('first', {
          name: 'Fit-out {{city}}',
          tasks: [aTask('a', { title: 'Lay {{area}} sq ft', description: '{{city}}' }), aTask('b')],
        }),
      ],
    });
    const texts = (variables: Record<string, unknown>) => {
      const [milestone] = planned(template, { variables }).milestones;
      return [milestone!.name, ...milestone!.tasks.flatMap(({ title, description }) => [title, description])];
    };
    expect(texts({ area: 1_200.5, city: 'Pune' })).toEqual(['Fit-out Pune', 'Lay 1200.5 sq ft', 'Pune', 'Do b', null]);
    expect(texts({ area: 7 })).toEqual(['Fit-out', 'Lay 7 sq ft', null, 'Do b', null]);
  });

  it('has every checklist undone', () => {
    const plan = planned(aTemplate({ milestones: [aPhase('first', { tasks: [aTask('a', { checklist: [{ key: 'x', title: 'X' }] })] })] }));
    expect(plan.milestones[0]!.tasks[0]!.checklist).toEqual([{ key: 'x', title: 'X', done: false }]);
  });

  it("becomes overdue at the end of the due day in the project's zone", () => {
    const template = aTemplate({ milestones: [aPhase('first', { due: days(0, 'start'), tasks: [aTask('a')] })] });
    expect(planned(template).milestones[0]!.tasks[0]!.overdue_at).toBe('2026-11-23T18:30:00.000Z');
    expect(planned(template, { timeZone: 'Pacific/Kiritimati' }).milestones[0]!.tasks[0]!.overdue_at).toBe('2026-11-23T10:00:00.000Z');
  });
});

describe('due dates', () => {
  const dueOf = (template: Template, brief: Partial<Brief> = {}) => {
    const { starts_on, due_on, milestones } = planned(template, brief);
    return {
      starts_on,
      due_on,
      milestones: milestones.map((milestone) => [milestone.due_on, ...milestone.tasks.map((task) => task.due_on)]),
    };
  };
  const twoPhases = aTemplate({
    milestones: [
      aPhase('first', {
        due: businessDays(4, 'start'),
        tasks: [aTask('a', { due: businessDays(1, 'start') }), aTask('b', { due: businessDays(-1, 'milestone') })],
      }),
      aPhase('second', { due: businessDays(5, 'milestone'), tasks: [aTask('c', { due: days(-2, 'milestone') })] }),
    ],
  });

  it('count from the start, from the own milestone, and from the milestone before', () => {
    expect(dueOf(twoPhases)).toEqual({
      starts_on: '2026-11-23',
      due_on: '2026-12-04',
      milestones: [
        ['2026-11-27', '2026-11-24', '2026-11-26'],
        ['2026-12-04', '2026-12-02'],
      ],
    });
  });

  it('anchored on the end, begin as late as they can', () => {
    expect(dueOf(twoPhases, { anchor: { due_on: '2026-12-06' } })).toMatchObject({ starts_on: '2026-11-23', due_on: '2026-12-06' });
    expect(dueOf(twoPhases, { anchor: { due_on: '2026-12-03' } })).toMatchObject({ starts_on: '2026-11-20', due_on: '2026-12-03' });
  });

  it('count back from the end, which is as early as it can be', () => {
    const template = aTemplate({
      milestones: [
        aPhase('first', { due: businessDays(3, 'start') }),
        aPhase('last', { due: businessDays(0, 'end'), tasks: [aTask('a', { due: businessDays(-6, 'end') })] }),
      ],
    });
    expect(dueOf(template)).toEqual({
      starts_on: '2026-11-23',
      due_on: '2026-12-01',
      milestones: [['2026-11-26'], ['2026-12-01', '2026-11-23']],
    });
  });

  it('do not slip behind an end that is a day off', () => {
    const template = aTemplate({ milestones: [aPhase('last', { due: businessDays(0, 'end') })] });
    expect(dueOf(template, { anchor: { due_on: '2026-11-29' } }).milestones).toEqual([['2026-11-27']]);
  });

  // Holidays move working days against calendar days; no span, however long, would make room for what they push out.
  it('stay on the first or the last day when holidays would push them out', () => {
    const calendar = { ...aTemplate().calendar, holidays: ['2026-11-26', '2026-12-03'] };
    const early = aPhase('first', { due: days(14, 'start'), tasks: [aTask('a', { due: businessDays(-10, 'milestone') })] });
    expect(dueOf(aTemplate({ calendar, milestones: [early] })).milestones).toEqual([['2026-12-07', '2026-11-23']]);
    const late = aPhase('last', { due: days(-14, 'end'), tasks: [aTask('a', { due: businessDays(10, 'milestone') })] });
    expect(dueOf(aTemplate({ calendar, milestones: [late] }), { anchor: { due_on: '2026-12-07' } })).toEqual({
      starts_on: '2026-11-23',
      due_on: '2026-12-07',
      milestones: [['2026-11-23', '2026-12-07']],
    });
  });

  it("leave out the template's holidays", () => {
    const template = aTemplate({ calendar: { ...aTemplate().calendar, holidays: ['2026-11-24'] } });
    expect(dueOf(template).milestones).toEqual([['2026-12-01']]);
  });
});

describe('roles', () => {
  const role = (key: string, overrides = {}) => ({ key, name: key.replace('_', ' '), required: true, default: null, ...overrides });
  const template = aTemplate({
    roles: [role('lead', { default: 'owner' }), role('site_lead'), role('adviser', { required: false })],
    milestones: [aPhase('first', { tasks: [aTask('a'), aTask('b', { role: 'site_lead' }), aTask('c', { role: 'adviser' })] })],
  });

  it('go to whom the caller names, else to the default, else to nobody', () => {
    const plan = planned(template, { roles: { site_lead: BRAM } });
    expect(plan.roles).toEqual({ lead: ASHA, site_lead: BRAM });
    expect(plan.milestones[0]!.tasks.map(({ assignee_id }) => assignee_id)).toEqual([ASHA, BRAM, null]);
  });

  it('that are required and that nobody plays are refused, each by its name', () => {
    expect(refusalOf(aTemplate({ roles: [role('site_lead'), role('safety_officer')] }))).toMatchObject({
      code: 'role_missing',
      extra: {
        errors: [
          { pointer: '/roles/site_lead', code: 'role_missing', detail: 'names nobody as site lead, which plain_v1 requires' },
          { pointer: '/roles/safety_officer', code: 'role_missing' },
        ],
      },
    });
  });

  it('that the template does not have are refused together with what is missing', () => {
    expect(refusalOf(template, { roles: { 'site/lead': BRAM } })).toMatchObject({
      code: 'role_missing',
      extra: { errors: [{ pointer: '/roles/site_lead' }, { pointer: '/roles/site~1lead', code: 'unknown_field' }] },
    });
    expect(refusalOf(template, { roles: { site_lead: BRAM, cook: BRAM } })).toMatchObject({ code: 'validation_failed' });
  });

  it('are not found among what every object inherits', () => {
    expect(refusalOf(aTemplate({ roles: [role('constructor')] }))).toMatchObject({ code: 'role_missing' });
  });
});

describe('variables', () => {
  const template = aTemplate({
    variables: [
      { key: 'area', type: 'number', required: true },
      { key: 'possession_on', type: 'date', required: false },
      { key: 'city', type: 'text', required: false },
    ],
  });

  it('that fit are taken', () => {
    expect(() => planned(template, { variables: { area: 1200, possession_on: '2027-01-31', city: 'Pune' } })).not.toThrow();
  });

  it('are refused by name when missing, unknown, of another type, or no date', () => {
    const errors = (variables: Record<string, unknown>) =>
      (refusalOf(template, { variables }).extra['errors'] as { pointer: string; code: string }[]).map(({ pointer, code }) => [
        pointer,
        code,
      ]);
    expect(errors({})).toEqual([['/variables/area', 'required']]);
    expect(errors({ area: '1200', town: 'Pune', city: 3, possession_on: '2027-02-30' })).toEqual([
      ['/variables/town', 'unknown_field'],
      ['/variables/area', 'wrong_type'],
      ['/variables/possession_on', 'not_a_date'],
      ['/variables/city', 'wrong_type'],
    ]);
  });

  it('are refused by name when a text of the plan would be too long with them, or empty', () => {
    const titled = (title: string) =>
      aTemplate({
        variables: [{ key: 'city', type: 'text', required: false }],
        milestones: [aPhase('first', { tasks: [aTask('a', { title })] })],
      });
    const errors = (title: string, variables: Record<string, unknown>) => refusalOf(titled(title), { variables }).extra['errors'];
    expect(errors('In {{city}}', { city: 'x'.repeat(198) })).toEqual([
      { pointer: '/variables/city', code: 'too_long', detail: 'makes the title of task a longer than 200 characters' },
    ]);
    expect(errors('{{city}}', {})).toEqual([
      { pointer: '/variables/city', code: 'too_short', detail: 'leaves nothing of the title of task a' },
    ]);
    expect(errors('{{city}}', { city: ' \u00a0' })).toEqual([
      { pointer: '/variables/city', code: 'too_short', detail: 'leaves nothing of the title of task a' },
    ]);
    expect(() => planned(titled('In {{city}}'), { variables: { city: 'x'.repeat(197) } })).not.toThrow();
  });
});

describe('a plan near the bounds of our time', () => {
  const template = aTemplate({
    key: 'long',
    milestones: [aPhase('first', { due: days(3_650, 'start'), tasks: [aTask('early', { due: days(0, 'start') })] })],
  });

  it('is taken while every date lies within them', () => {
    expect(planned(template, { anchor: { starts_on: '2190-01-01' } }).due_on).toBe('2199-12-30');
    expect(planned(template, { anchor: { due_on: '2009-12-29' } }).starts_on).toBe('2000-01-01');
  });

  it.each<[Brief['anchor'], string, string]>([
    [{ starts_on: '2190-01-03' }, '/starts_on', 'leads milestone first to 2200-01-01'],
    [{ due_on: '2009-12-28' }, '/due_on', 'leads task early to 1999-12-31'],
  ])('is refused with the first date that lies outside: %j', (anchor, pointer, detail) => {
    const { code, extra } = refusalOf(template, { anchor });
    expect([code, extra['errors']]).toEqual([
      'validation_failed',
      [{ pointer, code: 'out_of_range', detail: `${detail}, which must lie in the years 2000 to 2199` }],
    ]);
  });
});
