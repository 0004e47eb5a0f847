import type { Position } from '@works/platform/caught-up';

/** Epochs of one service that are remembered; one that is forgotten counts as older than all of these. */
const EPOCHS_MAX = 16;

/**
 * In which order the epochs of each service came, as far as it has been heard: an epoch is newer than those heard of before it, and the one that the
 * service itself calls its present is the newest. What a former epoch has in common with a later one ends where that begins, so any position of the later
 * is at least as new as any of the former.
 */
export class EpochsHeard {
  private readonly order = new Map<string, readonly string[]>();

  hear(service: string, epoch: string, isPresent: boolean): void {
    const heard = this.order.get(service) ?? [];
    if (isPresent ? heard.at(-1) === epoch : heard.includes(epoch)) return;
    this.order.set(service, [...heard.filter((each) => each !== epoch), epoch].slice(-EPOCHS_MAX));
  }

  /** Positions from before there were epochs are older than any of one. */
  isLater(service: string, one: Position, other: Position): boolean {
    if (one.epoch === other.epoch) return one.at > other.at;
    const heard = this.order.get(service) ?? [];
    const placeOf = ({ epoch }: Position) => (epoch === null ? -2 : heard.indexOf(epoch));
    return placeOf(one) > placeOf(other);
  }
}
