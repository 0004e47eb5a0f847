import { eventually } from '../testing';
import type { Subscription } from '../event-log';
import { Problem } from '../problems';
import { CaughtUp } from './caught-up';
import type { PositionsByService } from './positions';

const ACME = { organizationId: 'org_acme', livemode: true };
const GLOBEX = { organizationId: 'org_globex', livemode: true };

/** A source whose relay and a group whose consumers go on only when the test says so. */
function scene() {
  let publish!: (isKnown?: boolean) => void;
  let handle!: () => void;
  let asked = 0;
  let barriers = 0;
  const published = new Promise<boolean>((resolve) => (publish = (isKnown = true) => resolve(isKnown)));
  const handled = new Promise<void>((resolve) => (handle = resolve));
  const subscription = { caughtUp: () => (barriers++, handled) } as unknown as Subscription;
  const caughtUp = new CaughtUp({
    service: 'tasks',
    sources: ['projects'],
    publishedThrough: () => (asked++, published),
    isKnown: ({ at }) => Promise.resolve(at <= 9n),
    subscription: () => subscription,
    waitMs: 200,
  });
  return { caughtUp, publish, handle, asked: () => asked, barriers: () => barriers };
}

const at = (position: bigint, { claimed = false, epoch = 'e0000001', service = 'projects' } = {}): PositionsByService =>
  new Map([[service, [{ epoch, at: position, claimed }]]]);

describe('reading your own writes', () => {
  it('asks nobody about positions of its own or of services it does not consume', async () => {
    const { caughtUp, asked } = scene();
    await caughtUp.wait(ACME, new Map([...at(9n, { service: 'tasks' }), ...at(9n, { service: 'webhooks' })]));
    await caughtUp.wait(ACME, new Map());
    expect(asked()).toBe(0);
  });

  // Published is not enough: what the log held at that moment must have been handled as well.
  it('waits for the relay of the source and then for its own consumers', async () => {
    const { caughtUp, publish, handle, barriers } = scene();
    let reached = false;
    const waiting = caughtUp.wait(ACME, at(5n)).then(() => (reached = true));
    publish();
    await eventually(() => expect(barriers()).toBe(1));
    expect(reached).toBe(false);
    handle();
    await waiting;
  });

  it('answers from memory once a position is reached', async () => {
    const { caughtUp, publish, handle, asked } = scene();
    publish();
    handle();
    await caughtUp.wait(ACME, at(7n));
    await Promise.all([caughtUp.wait(ACME, at(4n)), caughtUp.wait(ACME, at(7n))]);
    expect(asked()).toBe(1);
  });

  // One tenant's facts are published apart from another's, and a number of one epoch says nothing about another.
  it('remembers what is reached for a tenant and an epoch alone', async () => {
    const { caughtUp, publish, handle, asked } = scene();
    publish();
    handle();
    await caughtUp.wait(ACME, at(7n));
    await caughtUp.wait(GLOBEX, at(5n));
    await caughtUp.wait(ACME, at(5n, { epoch: 'e0000002' }));
    expect(asked()).toBe(3);
  });

  it('gives up after its bound with a problem that says to try again', async () => {
    const { caughtUp, publish } = scene();
    publish();
    const problem: unknown = await caughtUp.wait(ACME, at(5n)).catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({ code: 'not_caught_up', headers: { 'retry-after': '1' } });
  });

  it('shares one barrier among those who wait', async () => {
    const { caughtUp, publish, handle, barriers } = scene();
    publish();
    const waiting = Array.from({ length: 50 }, () => caughtUp.wait(ACME, at(5n)));
    await eventually(() => expect(barriers()).toBe(1));
    handle();
    await Promise.all(waiting);
    expect(barriers()).toBeLessThanOrEqual(2);
  });

  it('refuses at once what a client claims and no answer can have carried', async () => {
    const { caughtUp, publish } = scene();
    publish(false);
    await expect(caughtUp.wait(ACME, at(5n, { claimed: true }))).rejects.toMatchObject({ code: 'invalid_header' });
    await expect(caughtUp.refuseUnknown(at(10n, { claimed: true, service: 'tasks' }))).rejects.toMatchObject({ code: 'invalid_header' });
    await expect(caughtUp.refuseUnknown(at(9n, { claimed: true, service: 'tasks' }))).resolves.toBeUndefined();
  });

  // The gateway remembers positions of a history that a restore has ended: whoever sent none is refused for none.
  it('takes as reached what only we remember and the source does not know', async () => {
    const { caughtUp, publish, handle } = scene();
    publish(false);
    handle();
    await caughtUp.wait(ACME, at(5n));
    await caughtUp.refuseUnknown(at(10n, { service: 'tasks' }));
  });
});
