import type { RuleViolation } from '@works/platform/errors';
import { checkFilter, type EventFilter } from './event-filter';

/** What is said against it, by pointer. */
function faultsOf(filter: object): Record<string, string> {
  try {
    checkFilter(filter as EventFilter);
  } catch (error) {
    const { errors } = (error as RuleViolation).extra as { errors: { pointer: string; detail: string }[] };
    return Object.fromEntries(errors.map(({ pointer, detail }) => [pointer, detail]));
  }
  return {};
}

describe('the filter of an endpoint', () => {
  it('takes each operator, on any value of the event', () => {
    expect(
      faultsOf({
        'data.task.priority': { in: ['urgent', 'high'] },
        'data.task.assignee_id': { exists: true },
        'data.task.metadata.cost centre/7': { equals: null },
        livemode: { equals: false },
      }),
    ).toEqual({});
  });

  it('names every fault where it is', () => {
    const begin = 'must begin with one of id, type, timestamp, livemode, position, subject, project_id, actor, request, data';
    const dots = 'must be a path of names with single dots between';
    const one = 'must be exactly one of equals, in, exists';
    expect(
      faultsOf({
        '': { exists: true },
        'data..task': { exists: true },
        'data.task.': { exists: true },
        'task.priority': { equals: 'high' },
        'data.__proto__.x': { exists: true },
        'data.constructor': { exists: true },
        [`data${'.x'.repeat(10)}`]: { exists: true },
        'data.a/b~c': {},
        'data.task': { equals: 1, exists: true },
      }),
    ).toEqual({
      '/filter/': dots,
      '/filter/data..task': dots,
      '/filter/data.task.': dots,
      '/filter/task.priority': begin,
      '/filter/data.__proto__.x': 'must not lead through a prototype',
      '/filter/data.constructor': 'must not lead through a prototype',
      [`/filter/data${'.x'.repeat(10)}`]: 'must be at most 10 names long',
      '/filter/data.a~1b~0c': one,
      '/filter/data.task': one,
    });
  });
});
