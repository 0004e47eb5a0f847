import { RuleViolation } from '../errors';
import { refusalOf, specificationOf } from './decider';

type DoorEvent = { type: 'opened' } | { type: 'closed'; by: string };
type Door = { open: boolean };

const evolve = (_door: Door | null, event: DoorEvent): Door => ({ open: event.type === 'opened' });
const close = (door: Door): DoorEvent[] => (door.open ? [{ type: 'closed', by: 'Asha' }] : []);
const lock = (door: Door): DoorEvent[] => {
  if (door.open) throw new RuleViolation('door_open', 'Close it first.', { door: { id: 1, name: 'front' } });
  throw new TypeError('a bug');
};

const given = specificationOf(evolve);
const opened: DoorEvent = { type: 'opened' };
const closed: DoorEvent = { type: 'closed', by: 'Asha' };

describe('the words of a specification', () => {
  it('hold what a decider decides after a history', () => {
    given(opened).when(close).then(closed);
    given(opened, closed).when(close).thenNothing();
    given(opened).when(lock).thenRefused('door_open');
    given(opened)
      .when(lock)
      .thenRefused('door_open', { door: { id: 1 } });
  });

  // Guarantees that a specification cannot pass by saying less than it seems to.
  it.each<[string, () => void]>([
    ['another event', () => given(opened).when(close).then({ type: 'closed', by: 'Bram' })],
    ['an event too many', () => given(opened).when(close).then(closed, closed)],
    ['an event where nothing was expected', () => given(opened).when(close).thenNothing()],
    ['nothing where an event was expected', () => given(opened, closed).when(close).then(closed)],
    ['no refusal', () => given(opened).when(close).thenRefused('door_open')],
    ['another code', () => given(opened).when(lock).thenRefused('door_locked')],
    [
      'other members',
      () =>
        given(opened)
          .when(lock)
          .thenRefused('door_open', { door: { id: 2 } }),
    ],
  ])('fail at %s', (_, words) => expect(words).toThrow());

  it('let a bug be a bug', () => {
    expect(() => given(closed).when(lock).thenRefused('door_open')).toThrow(TypeError);
    expect(() => refusalOf(() => 'done')).toThrow('Not refused, but: "done"');
  });
});
