import type { PublicEvent } from '@works/contracts/events';
import { anEvent } from '../webhooks-service.examples';
import { aCaller } from '@works/platform/testing';
import { wholeBody } from './event-body';

describe('the body of an event', () => {
  it('has every field, also where it was written before there were so many', () => {
    const now = anEvent(aCaller(), 'task.created', { task: { title: ',"actor":"caused_by":' } }).value;
    const { previous_event: _previous, caused_by: _cause, ...before } = JSON.parse(now) as PublicEvent;
    expect(wholeBody(JSON.stringify(before))).toBe(now);
    expect(wholeBody(now)).toBe(now);
  });
});
