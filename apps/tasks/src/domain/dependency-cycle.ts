import type { TaskId } from './task';

/** A shortest way from the task through its dependencies back to itself, both ends included; null when there is none. */
export function cycleThrough(id: TaskId, dependenciesOf: ReadonlyMap<TaskId, readonly TaskId[]>): TaskId[] | null {
  const cameFrom = new Map<TaskId, TaskId>();
  const waiting: TaskId[] = [id];
  for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
    for (const next of dependenciesOf.get(at) ?? []) {
      if (next === id) return wayTo(at, id, cameFrom).concat(id);
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, at);
      waiting.push(next);
    }
  }
  return null;
}

function wayTo(end: TaskId, start: TaskId, cameFrom: ReadonlyMap<TaskId, TaskId>): TaskId[] {
  const way = [end];
  while (way[0] !== start) way.unshift(cameFrom.get(way[0]!)!);
  return way;
}
