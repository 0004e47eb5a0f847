import fc from 'fast-check';
import { EVENT_TYPES, type EventType } from '../events';
import { changesOf, phraseOf } from './index';

const RESOURCES: Record<string, object> = {
  project: { name: 'Site fit-out', outcome: 'delivered' },
  milestone: { name: 'Groundwork', due_on: '2026-12-04', sign_off: null },
  task: { title: 'Order the glass', assignee_id: 'usr_2' },
  test_clock: { now: '2026-11-25T03:30:00.000Z' },
};

const event = (type: EventType, resource: object = {}, previous: object = {}) => {
  const kind = type.split('.')[0]!;
  return { type, subject: `${kind}_1`, data: { [kind]: { ...RESOURCES[kind], ...resource }, previous } };
};

describe('an event in words', () => {
  it.each<[string, EventType, object?, object?]>([
    ['Project Site fit-out opened', 'project.created'],
    ['Owner of project Site fit-out changed from usr_1 to usr_2', 'project.updated', { owner_id: 'usr_2' }, { owner_id: 'usr_1' }],
    ['Project Site fit-out closed as delivered', 'project.closed'],
    ['Project Site fit-out reopened', 'project.reopened', { outcome: null }],
    ['Milestone Groundwork added, due on 2026-12-04', 'milestone.added'],
    ['Milestone Groundwork added', 'milestone.added', { due_on: null }],
    ['Place of milestone Groundwork moved from 3 to 1', 'milestone.updated', { position: 1 }, { position: 3 }],
    [
      'Sign-off of milestone Groundwork changed from no to yes',
      'milestone.updated',
      { requires_sign_off: true },
      { requires_sign_off: false },
    ],
    ['Milestone Groundwork reached', 'milestone.reached'],
    ['Milestone Groundwork reached, signed off by key_1', 'milestone.reached', { sign_off: { by: { type: 'api_key', id: 'key_1' } } }],
    ['Milestone Groundwork reopened', 'milestone.reopened'],
    ['Invoice for milestone Groundwork asked for', 'milestone.invoice_requested'],
    ['Invoice for milestone Groundwork drafted', 'milestone.invoice_drafted'],
    ['Invoice for milestone Groundwork not drafted', 'milestone.invoice_failed'],
    ['Order the glass added', 'task.created'],
    [
      'Webhook endpoint webhook_endpoint_1 disabled: It answered 410.',
      'webhook_endpoint.disabled',
      { disabled_reason: 'It answered 410.' },
    ],
    ['Delivery delivery_1 given up after the last of its attempts to whk_1', 'delivery.dead_lettered', { endpoint_id: 'whk_1' }],
    ['Due date of Order the glass moved from 2026-11-30 to 2026-12-04', 'task.updated', { due_on: '2026-12-04' }, { due_on: '2026-11-30' }],
    ['Due date of Order the glass set to 2026-12-04', 'task.updated', { due_on: '2026-12-04' }, { due_on: null }],
    ['Due date of Order the glass removed, it was 2026-11-30', 'task.updated', { due_on: null }, { due_on: '2026-11-30' }],
    ['Checklist of Order the glass changed', 'task.updated', { checklist: [{ key: 'item_1' }] }, { checklist: [] }],
    ['Description of Order the glass changed', 'task.updated', { description: 'Long\nwinded' }, { description: null }],
    [
      '3 fields of Order the glass changed: title, due date, priority',
      'task.updated',
      {},
      { title: 'Glass', due_on: null, priority: 'low' },
    ],
    ['Order the glass assigned to usr_2', 'task.assigned', {}, { assignee_id: null }],
    ['Order the glass assigned to usr_2 instead of usr_1', 'task.assigned', {}, { assignee_id: 'usr_1' }],
    ['Order the glass taken out of the queue of usr_1', 'task.unassigned', { assignee_id: null }, { assignee_id: 'usr_1' }],
    ['Order the glass completed', 'task.completed', {}, { status: 'open' }],
    ['Order the glass reopened', 'task.reopened', {}, { status: 'completed' }],
    ['Order the glass cancelled', 'task.cancelled', {}, { status: 'open' }],
    ['Order the glass became overdue', 'task.overdue', { overdue: true }, { overdue: false }],
    ['Order the glass commented on', 'task.commented'],
    ['Test clock test_clock_1 moved to 2026-11-25T03:30:00.000Z', 'test_clock.advanced', {}, { now: '2026-11-23T03:30:00.000Z' }],
  ])('reads: %s', (words, type, ...fields) => {
    expect(phraseOf(event(type, ...fields))).toBe(words);
  });

  it('names the invoice that was drafted, and why one was not', () => {
    const told = (type: EventType, invoice: object) => ({ type, subject: 'mst_1', data: { milestone: RESOURCES['milestone'], invoice } });
    expect(phraseOf(told('milestone.invoice_drafted', { id: 'inv_1' }))).toBe('Invoice for milestone Groundwork drafted: inv_1');
    expect(phraseOf(told('milestone.invoice_failed', { error: 'SK Billing answered 503.' }))).toBe(
      'Invoice for milestone Groundwork not drafted: SK Billing answered 503.',
    );
    expect(phraseOf(told('milestone.invoice_failed', { error: 'Long\nwinded' }))).toBe('Invoice for milestone Groundwork not drafted');
  });

  it('says something else for each type', () => {
    expect(new Set(EVENT_TYPES.map((type) => phraseOf(event(type)))).size).toBe(EVENT_TYPES.length);
  });

  // An event in the log is for ever: what an older version left out of it must not keep anybody from reading the rest.
  it.each(EVENT_TYPES)('has words for %s when nothing is known but its subject', (type) => {
    for (const data of [{}, { previous: null }, null, { task: null, milestone: [], project: 'x' }]) {
      const words = phraseOf({ type, subject: 'tsk_1', data: data as Record<string, unknown> });
      expect(words).toMatch(/tsk_1/);
      expect(words).not.toMatch(/undefined|null|\[object/);
    }
  });

  it('has a line for whatever data there is, and for a type it has never heard of', () => {
    const types = fc.constantFrom(...EVENT_TYPES, 'project.painted' as EventType);
    fc.assert(
      fc.property(types, fc.anything(), fc.anything(), (type, resource, previous) => {
        const told = { type, subject: 'prj_1', data: { [type.split('.')[0]!]: resource, previous } };
        expect(phraseOf(told)).not.toBe('');
        expect(Array.isArray(changesOf(told))).toBe(true);
      }),
    );
  });
});

describe('what an event changed', () => {
  it('is each field that it tells the former value of, with both values', () => {
    expect(changesOf(event('task.updated', { due_on: '2026-12-04', metadata: { po: '1' } }, { due_on: null, metadata: {} }))).toEqual([
      { field: 'due_on', from: null, to: '2026-12-04' },
      { field: 'metadata', from: {}, to: { po: '1' } },
    ]);
    expect(changesOf(event('task.created'))).toEqual([]);
  });
});
