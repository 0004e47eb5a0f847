/** A task of a plan, by its key, and what it waits for. */
export interface Node {
  readonly key: string;
  readonly depends_on: readonly string[];
}

/**
 * One cycle for every knot of tasks that wait for each other, its shortest through the knot's first task: `['a', 'b', 'a']`.
 * Knots are the strongly connected components (Tarjan, "Depth-first search and linear graph algorithms", 1972).
 */
export function cyclesIn(nodes: readonly Node[]): string[][] {
  const node = new Map(nodes.map((each) => [each.key, each]));
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const path: string[] = [];
  const onPath = new Set<string>();
  const knots: Set<string>[] = [];

  const visit = (key: string): void => {
    order.set(key, order.size);
    low.set(key, order.get(key)!);
    path.push(key);
    onPath.add(key);
    for (const next of node.get(key)!.depends_on) {
      if (!node.has(next)) continue;
      if (!order.has(next)) visit(next);
      else if (!onPath.has(next)) continue;
      low.set(key, Math.min(low.get(key)!, low.get(next)!));
    }
    if (low.get(key) !== order.get(key)) return;
    const knot = new Set(path.splice(path.indexOf(key)));
    for (const member of knot) onPath.delete(member);
    knots.push(knot);
  };
  for (const key of node.keys()) if (!order.has(key)) visit(key);

  return nodes.flatMap(({ key }) => {
    const knot = knots.findIndex((each) => each.has(key));
    const [members] = knot === -1 ? [] : knots.splice(knot, 1);
    const cycle = members === undefined ? null : shortestFrom(key, node, members);
    return cycle === null ? [] : [cycle];
  });
}

/** Breadth first, so that the way back is the shortest. Null: the task waits for itself in no way. */
function shortestFrom(start: string, node: ReadonlyMap<string, Node>, members: ReadonlySet<string>): string[] | null {
  const ways: string[][] = [[start]];
  const seen = new Set<string>();
  for (const way of ways) {
    for (const next of node.get(way.at(-1)!)!.depends_on) {
      if (next === start) return [...way, start];
      if (!members.has(next) || seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return null;
}
