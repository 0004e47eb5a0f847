import { Problem } from '@works/platform/problems';

/** Says to a reader that part of what it asked for has left, and where it can go on: it must not take what is there for all that was. */
export const noLongerKept = (what: 'Events' | 'Deliveries', number: 'position' | 'sequence', leftThrough: number): Problem =>
  new Problem('no_longer_kept', `${what} up to ${number} ${leftThrough} are no longer kept. Go on with after=${leftThrough}.`, {
    left_through: leftThrough,
  });
