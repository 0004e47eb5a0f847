import { RuleViolation } from '@works/platform/errors';

interface Placed {
  readonly id: string;
  readonly position: number;
}

/** Where a milestone has to go. */
export interface Place<Milestone> {
  readonly milestone: Milestone;
  readonly position: number;
}

/**
 * The milestones of a project stand at 1 to n without a gap. No aggregate owns the order: a move changes exactly the positions between
 * the old place and the new one, so of two moves that overlap one finds a milestone at another version, and decides again.
 * Two additions meet at the last position, which the database gives to one of them.
 */
export function moveTo<Milestone extends Placed>(inOrder: readonly Milestone[], id: string, position: number): Place<Milestone>[] {
  refuseBeyond(inOrder.length, position);
  const moved = inOrder.find((milestone) => milestone.id === id)!;
  const others = inOrder.filter((milestone) => milestone.id !== id);
  return changedPlaces(others.toSpliced(position - 1, 0, moved));
}

/** Those that make room for a new one. */
export function makeRoomAt<Milestone extends Placed>(inOrder: readonly Milestone[], position: number): Place<Milestone>[] {
  refuseBeyond(inOrder.length + 1, position);
  return inOrder.slice(position - 1).map((milestone) => ({ milestone, position: milestone.position + 1 }));
}

const changedPlaces = <Milestone extends Placed>(inOrder: readonly Milestone[]): Place<Milestone>[] =>
  inOrder
    .map((milestone, index) => ({ milestone, position: index + 1 }))
    .filter(({ milestone, position }) => milestone.position !== position);

function refuseBeyond(last: number, position: number): void {
  if (position <= last) return;
  const errors = [{ pointer: '/position', code: 'too_large', detail: `must be at most ${last}, the last place` }];
  throw new RuleViolation('validation_failed', '1 field is invalid.', { errors });
}
