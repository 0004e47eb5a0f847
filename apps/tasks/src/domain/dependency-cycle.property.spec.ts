import * as fc from 'fast-check';
import { cycleThrough } from './dependency-cycle';
import type { TaskId } from './task';

const idOf = (number: number): TaskId => `tsk_${String(number).padStart(26, '0')}`;

/** Any dependencies among eight tasks, cycles and a task's own id among them. */
const graphs = fc
  .array(fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 3 }), { minLength: 8, maxLength: 8 })
  .map((lists) => new Map(lists.map((list, index) => [idOf(index), list.map(idOf)])));

/** Everything that can be reached over at least one dependency, by brute force. */
function reachedFrom(start: TaskId, graph: ReadonlyMap<TaskId, readonly TaskId[]>): Set<TaskId> {
  const reached = new Set(graph.get(start));
  for (let round = 0; round < graph.size; round++) for (const id of [...reached]) for (const next of graph.get(id)!) reached.add(next);
  return reached;
}

describe('a cycle of dependencies through a task', () => {
  it('is found exactly when the task reaches itself', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        for (const id of graph.keys()) expect(cycleThrough(id, graph) !== null).toBe(reachedFrom(id, graph).has(id));
      }),
    );
  });

  it('is a way along the dependencies that visits nothing twice, from the task to itself', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        for (const id of graph.keys()) {
          const cycle = cycleThrough(id, graph);
          if (cycle === null) continue;
          expect([cycle[0], cycle.at(-1)]).toEqual([id, id]);
          expect(new Set(cycle).size).toBe(cycle.length - 1);
          cycle.slice(1).forEach((next, index) => expect(graph.get(cycle[index]!)).toContain(next));
        }
      }),
    );
  });

  it('may pass tasks of which nothing is known', () => expect(cycleThrough(idOf(0), new Map([[idOf(0), [idOf(9)]]]))).toBeNull());
});
