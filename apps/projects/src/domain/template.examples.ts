import { aPhase, aTask, aTemplate } from './delivery.examples';
import type { DueRule, TemplateDraft } from './template';

export const days = (offset: number, from: DueRule['from']): DueRule => ({ offset, unit: 'days', from });
export const businessDays = (offset: number, from: DueRule['from']): DueRule => ({ offset, unit: 'business_days', from });

/** A template with something of everything: two phases, a task that waits for a later one, a role, a variable. */
export const aDraft = (overrides: Partial<TemplateDraft> = {}): TemplateDraft => {
  const { key, name, calendar, roles } = aTemplate();
  return {
    ...{ key, name, calendar, roles },
    variables: [{ key: 'floor_area', type: 'number', required: true }],
    milestones: [
      aPhase('survey', { tasks: [aTask('measure', { title: 'Measure {{floor_area}} sq ft' }), aTask('draw', { depends_on: ['order'] })] }),
      aPhase('works', { name: 'Works on {{ floor_area }} sq ft', tasks: [aTask('order', { depends_on: ['measure'] })] }),
    ],
    ...overrides,
  };
};

/** As large as a template may be: 100 milestones, 1,000 tasks with checklists that wait for each other. */
export const theLargest = (): TemplateDraft =>
  aDraft({
    key: 'largest',
    milestones: Array.from({ length: 100 }, (_phase, phase) =>
      aPhase(`phase_${phase}`, {
        name: `Phase ${phase} of {{floor_area}} sq ft`,
        due: businessDays(3, 'milestone'),
        tasks: Array.from({ length: 10 }, (_task, place) =>
          aTask(`task_${phase}_${place}`, {
            title: `Fix and test the ceiling in room ${place} of floor ${phase}`,
            description: `Close it only once the services above are tested. The floor has {{floor_area}} sq ft.`,
            checklist: ['conduits', 'ducts', 'sprinklers'].map((key) => ({ key, title: `Somebody has signed for the ${key}` })),
            depends_on: place > 0 ? [`task_${phase}_${place - 1}`] : phase > 0 ? [`task_${phase - 1}_9`] : [],
          }),
        ),
      }),
    ),
  });
