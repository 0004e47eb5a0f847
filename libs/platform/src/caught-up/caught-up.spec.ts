import { eventually } from '../testing';
import type { Subscription } from '../event-log';
import { Problem } from '../problems';
import { CaughtUp } from './caught-up';

/** A source whose relay and a group whose consumers go on only when the test says so. */
function scene() {
  let publish!: (through: bigint) => void;
  let handle!: () => void;
  let asked = 0;
  let barriers = 0;
  const published = new Promise<bigint>((resolve) => (publish = resolve));
  const handled = new Promise<void>((resolve) => (handle = resolve));
  const subscription = { caughtUp: () => (barriers++, handled) } as unknown as Subscription;
  const caughtUp = new CaughtUp({
    service: 'tasks',
    sources: ['projects'],
    publishedThrough: () => (asked++, published),
    subscription: () => subscription,
    waitMs: 200,
  });
  return { caughtUp, publish, handle, asked: () => asked, barriers: () => barriers };
}

const at = (position: bigint) => new Map([['projects', position]]);

describe('reading your own writes', () => {
  it('asks nobody about positions of its own or of services it does not consume', async () => {
    const { caughtUp, asked } = scene();
    await caughtUp.wait(
      new Map([
        ['tasks', 9n],
        ['webhooks', 9n],
      ]),
    );
    await caughtUp.wait(new Map());
    expect(asked()).toBe(0);
  });

  // Published is not enough: what the log held at that moment must have been handled as well.
  it('waits for the relay of the source and then for its own consumers', async () => {
    const { caughtUp, publish, handle, barriers } = scene();
    let reached = false;
    const waiting = caughtUp.wait(at(5n)).then(() => (reached = true));
    publish(5n);
    await eventually(() => expect(barriers()).toBe(1));
    expect(reached).toBe(false);
    handle();
    await waiting;
  });

  it('answers from memory once a position is reached', async () => {
    const { caughtUp, publish, handle, asked } = scene();
    publish(7n);
    handle();
    await caughtUp.wait(at(5n));
    await Promise.all([caughtUp.wait(at(4n)), caughtUp.wait(at(7n))]);
    expect(asked()).toBe(1);
  });

  it('gives up after its bound with a problem that says to try again', async () => {
    const { caughtUp, publish } = scene();
    publish(5n);
    const problem: unknown = await caughtUp.wait(at(5n)).catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({ code: 'not_caught_up', headers: { 'retry-after': '1' } });
  });

  it('shares one barrier among those who wait', async () => {
    const { caughtUp, publish, handle, barriers } = scene();
    publish(9n);
    const waiting = Array.from({ length: 50 }, () => caughtUp.wait(at(5n)));
    await eventually(() => expect(barriers()).toBe(1));
    handle();
    await Promise.all(waiting);
    expect(barriers()).toBeLessThanOrEqual(2);
  });
});
