import type { EventFilter } from './event-filter';

/** What a filter means, in a few plain lines: works_endpoint_wants must say the same. */
export const wants = (filter: EventFilter, event: unknown): boolean =>
  Object.entries(filter).every(([path, condition]) => {
    const value = path.split('.').reduce(member, event) ?? null;
    if (condition.exists !== undefined) return (value !== null) === condition.exists;
    return (condition.in ?? [condition.equals]).some((wanted) => wanted === value);
  });

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
