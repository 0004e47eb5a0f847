import type { PublicEvent } from '@works/contracts/events';
import type { FilterCondition } from '@works/contracts/webhooks';
import { RuleViolation } from '@works/platform/errors';

/** Conditions by the dotted path of the value that they are about; all must hold. Evaluated by works_endpoint_wants. */
export type EventFilter = Readonly<Record<string, FilterCondition>>;

/** Where a path can begin. */
const EVENT_FIELDS: readonly string[] = [
  'id',
  'type',
  'timestamp',
  'livemode',
  'position',
  'subject',
  'project_id',
  'actor',
  'request',
  'data',
] satisfies (keyof PublicEvent)[];

const DEPTH_MAX = 10;

/** Never a name of ours, and in many languages not a name like others. */
const PROTOTYPE_NAMES = new Set(['__proto__', 'constructor', 'prototype']);

export function checkFilter(filter: EventFilter): void {
  const errors = Object.entries(filter).flatMap(([path, condition]) =>
    [refusalOfPath(path), refusalOfCondition(condition)]
      .filter((detail) => detail !== null)
      .map((detail) => ({ pointer: `/filter/${escaped(path)}`, code: 'not_allowed', detail })),
  );
  if (errors.length === 0) return;
  throw new RuleViolation('validation_failed', 'The filter has conditions that cannot be evaluated.', { errors });
}

function refusalOfPath(path: string): string | null {
  const names = path.split('.');
  if (names.includes('')) return 'must be a path of names with single dots between';
  if (!EVENT_FIELDS.includes(names[0]!)) return `must begin with one of ${EVENT_FIELDS.join(', ')}`;
  if (names.length > DEPTH_MAX) return `must be at most ${DEPTH_MAX} names long`;
  if (names.some((name) => PROTOTYPE_NAMES.has(name))) return 'must not lead through a prototype';
  return null;
}

const refusalOfCondition = (condition: FilterCondition): string | null =>
  Object.keys(condition).length === 1 ? null : 'must be exactly one of equals, in, exists';

/** One step of a JSON pointer (RFC 6901). */
const escaped = (path: string): string => path.replaceAll('~', '~0').replaceAll('/', '~1');
