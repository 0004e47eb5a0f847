import { EVENT_TYPES, type PublicEvent } from '@works/contracts/events';
import { phraseOf } from './phrases';

const data = {
  project: { name: 'Site fit-out' },
  milestone: { name: 'Handover' },
  task: { title: 'Measure the site', assignee_id: 'usr_1' },
};
const phrase = (type: (typeof EVENT_TYPES)[number]) => phraseOf({ type, data } as unknown as PublicEvent);

describe('an event in words', () => {
  it.each(EVENT_TYPES)('%s names its subject', (type) => {
    const subject = { project: 'Site fit-out', milestone: 'Handover', task: 'Measure the site' }[type.split('.')[0]!];
    expect(phrase(type)).toContain(subject);
    expect(phrase(type)).not.toMatch(/undefined|null/);
  });

  it('says in whose queue a task landed', () => {
    expect(phrase('task.assigned')).toBe('Measure the site landed in the queue of usr_1');
  });

  it('says something else for each type', () => {
    expect(new Set(EVENT_TYPES.map(phrase)).size).toBe(EVENT_TYPES.length);
  });
});
