import fc from 'fast-check';
import { Admission, secondsUntil } from './admission';

const LIMITS = { waitingMax: 4, waitMs: 10, goAtOnceMax: 2 };
/** Between two looks; whoever waits is asked about at each. */
const LOOK_EVERY_MS = 3;
const TENANTS = ['a', 'b', 'c'] as const;
type Tenant = (typeof TENANTS)[number];

type Step =
  | { do: 'arrive'; tenant: Tenant }
  | { do: 'leave'; tenant: Tenant; nth: number }
  | { do: 'look'; pressed: Tenant[] }
  | { do: 'time'; ms: number };

const tenant = fc.constantFrom(...TENANTS);
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('arrive' as const), tenant }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), tenant, nth: fc.nat(4) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('look' as const), pressed: fc.subarray([...TENANTS]) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('time' as const), ms: fc.integer({ min: 1, max: LOOK_EVERY_MS }) }) },
  ),
  { maxLength: 60, size: 'max' },
);

/** What became of each mutation, in the order in which it happened; tickets count up. */
function play(all: readonly Step[]) {
  const admission = new Admission<number>(LIMITS);
  const fates: { ticket: number; tenant: Tenant; fate: 'went' | 'refused' | 'left'; waitedMs: number; queued: number }[] = [];
  const waiting = new Map<number, { tenant: Tenant; since: number }>();
  let [now, lookedAt, tickets] = [0, 0, 0];
  let pressed = new Set<string>();
  const queueOf = (of: Tenant) => [...waiting].filter(([, one]) => one.tenant === of).map(([ticket]) => ticket);
  const end = (ticket: number, fate: 'went' | 'refused' | 'left') => {
    const { tenant: of, since } = waiting.get(ticket)!;
    fates.push({ ticket, tenant: of, fate, waitedMs: now - since, queued: queueOf(of).indexOf(ticket) });
    waiting.delete(ticket);
  };
  const look = (of: readonly Tenant[]) => {
    pressed = new Set(of);
    lookedAt = now;
    const before = waiting.size;
    const { go, refused } = admission.look(pressed, now);
    for (const ticket of refused) end(ticket, 'refused');
    for (const ticket of go) expect(pressed.has(waiting.get(ticket)!.tenant)).toBe(false);
    for (const ticket of go) end(ticket, 'went');
    return before - waiting.size;
  };
  for (const step of all) {
    switch (step.do) {
      case 'arrive': {
        const ticket = tickets++;
        const queued = queueOf(step.tenant).length;
        const arrival = admission.arrive(step.tenant, ticket, now);
        // Decided by this tenant's own state alone.
        const expected = queued === 0 && !pressed.has(step.tenant) ? 'goes' : queued >= LIMITS.waitingMax ? 'refused' : 'waits';
        expect(arrival).toBe(expected);
        if (arrival === 'waits') waiting.set(ticket, { tenant: step.tenant, since: now });
        else fates.push({ ticket, tenant: step.tenant, fate: arrival === 'goes' ? 'went' : 'refused', waitedMs: 0, queued: 0 });
        break;
      }
      case 'leave': {
        const ticket = queueOf(step.tenant)[step.nth];
        if (ticket === undefined) break;
        admission.leave(step.tenant, ticket);
        end(ticket, 'left');
        break;
      }
      case 'look':
        look(step.pressed);
        break;
      case 'time':
        now += step.ms;
        if (now - lookedAt >= LOOK_EVERY_MS) look([...pressed] as Tenant[]);
    }
    expect(admission.waiting).toBe(waiting.size);
  }
  return { admission, fates, waiting, look, pass: (ms: number) => (now += ms), tickets: () => tickets };
}

/** The longest time from one look to the next, the first that follows the steps included. */
function longestGapMs(all: readonly Step[]): number {
  let [longest, since] = [0, 0];
  for (const step of [...all, { do: 'time', ms: LOOK_EVERY_MS } as const]) {
    if (step.do === 'look') since = 0;
    else if (step.do === 'time') longest = Math.max(longest, (since += step.ms));
  }
  return longest;
}

describe('mutations at the gateway', () => {
  // Guarantees that an organization's own mutations keep their order.
  it('of a tenant go on in the order in which they came', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { fates } = play(all);
        for (const of of TENANTS) {
          const went = fates.filter(({ tenant: one, fate }) => one === of && fate === 'went').map(({ ticket }) => ticket);
          expect(went).toEqual([...went].sort((one, other) => one - other));
        }
      }),
    );
  });

  // Guarantees that whatever the others do, a tenant's mutations fare as if it were alone.
  it('of a tenant are never held, let go or refused because of another', () => {
    fc.assert(
      fc.property(steps, tenant, (all, of) => {
        const alone = all.flatMap((step): Step[] =>
          step.do === 'look'
            ? [{ ...step, pressed: step.pressed.filter((one) => one === of) }]
            : step.do === 'time' || step.tenant === of
              ? [step]
              : [],
        );
        const faring = (played: ReturnType<typeof play>) =>
          played.fates.filter((one) => one.tenant === of).map(({ fate, waitedMs, queued }) => [fate, waitedMs, queued]);
        expect(faring(play(all))).toEqual(faring(play(alone)));
      }),
    );
  });

  it('wait no longer than the bound and the time to the next look, and all of them go on, leave or are refused', () => {
    fc.assert(
      fc.property(steps, fc.boolean(), (all, stayPressed) => {
        const { fates, waiting, look, pass, tickets } = play(all);
        for (let looks = 0; waiting.size > 0 && looks < LIMITS.waitMs; looks++) {
          pass(LOOK_EVERY_MS);
          look(stayPressed ? [...TENANTS] : []);
        }
        expect(waiting.size).toBe(0);
        expect(fates.map(({ ticket }) => ticket).sort((one, other) => one - other)).toEqual(
          Array.from({ length: tickets() }, (_, at) => at),
        );
        const gapMs = longestGapMs(all);
        for (const { waitedMs } of fates) expect(waitedMs).toBeLessThanOrEqual(LIMITS.waitMs + gapMs);
        for (const { fate, waitedMs } of fates) if (fate === 'refused') expect(waitedMs === 0 || waitedMs >= LIMITS.waitMs).toBe(true);
      }),
    );
  });

  it('go on together, as many as are said, once their tenant is no longer pressed', () => {
    const { fates, look } = play([
      { do: 'look', pressed: ['a'] },
      ...Array.from({ length: 6 }, () => ({ do: 'arrive', tenant: 'a' }) as const),
    ]);
    expect(fates.map(({ ticket, fate }) => [ticket, fate])).toEqual([
      [4, 'refused'],
      [5, 'refused'],
    ]);
    expect([look(['a']), look([]), look(['a']), look([]), look([])]).toEqual([0, 2, 0, 2, 0]);
  });

  it('all go on when the gateway stops asking', () => {
    const { admission } = play([
      { do: 'look', pressed: ['a', 'b'] },
      { do: 'arrive', tenant: 'b' },
      { do: 'arrive', tenant: 'a' },
      { do: 'arrive', tenant: 'b' },
    ]);
    expect([...admission.open()].sort()).toEqual([0, 1, 2]);
    expect([admission.waiting, admission.arrive('a', 3, 0)]).toEqual([0, 'goes']);
  });
});

describe('the time until a backlog is short again', () => {
  it.each([
    ['at the pace that it had', { facts: 9_000, atMs: 0 }, { facts: 5_000, atMs: 2_000 }, 2],
    ['not less than a second', { facts: 9_000, atMs: 0 }, { facts: 1_001, atMs: 2_000 }, 1],
    ['not more than is said', { facts: 9_000, atMs: 0 }, { facts: 8_999, atMs: 2_000 }, 30],
    ['unknown while it grows', { facts: 9_000, atMs: 5 }, { facts: 9_000, atMs: 5 }, 30],
    ['unknown', null, null, 30],
  ])('is guessed: %s', (_, highest, now, seconds) => {
    expect(secondsUntil(1_000, highest, now, 30)).toBe(seconds);
  });
});
