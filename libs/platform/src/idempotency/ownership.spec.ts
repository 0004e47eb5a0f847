import { explore } from '../testing';
import {
  afterAskingOwn,
  afterClaim,
  afterMove,
  afterRelease,
  claimed,
  moved,
  released,
  releasedFingerprint,
  releasedOf,
  reopened,
  type ClaimRow,
  type KeyRecord,
  type Release,
  type Step,
} from '.';

/** Two requests under one key, each meant for a service of its own. */
const REQUESTS = [
  { service: 'projects', fingerprint: 'first' },
  { service: 'tasks', fingerprint: 'second' },
] as const;
type Request = 0 | 1;

/** A message on its way, or the work it has set going. It goes on when the gateway that sent it is dead: then nobody hears of the outcome. */
interface Attempt {
  readonly request: Request;
  readonly step: Exclude<Step, { do: 'refuse' }> | { readonly do: 'execute'; readonly generation: number };
  readonly heard: boolean;
}

interface World {
  /** The gateways' table. It and the services' records are durable; a gateway itself keeps nothing, so its death is that of its attempts. */
  readonly row: ClaimRow | null;
  readonly records: readonly [KeyRecord | null, KeyRecord | null];
  readonly effects: readonly Request[];
  readonly attempts: readonly Attempt[];
  /** How often each client may still send its request. */
  readonly left: readonly [number, number];
  /** How often a gateway may still send a request a second time. */
  readonly again: number;
}

const requestFor = (service: string): Request => (service === REQUESTS[0].service ? 0 : 1);
const withRecord = (world: World, at: Request, record: KeyRecord | null): World => ({
  ...world,
  records: at === 0 ? [record, world.records[1]] : [world.records[0], record],
});
const put = (world: World, attempt: Attempt): World => ({ ...world, attempts: [...world.attempts, attempt] });

/** What a client was told. A refusal of the moment or of the form may be told at any time; these two have to be true. */
function tell(world: World, request: Request, answer: 'its answer' | 'reused'): World {
  if (answer === 'its answer' && !world.effects.includes(request)) throw new Error(`request ${request} got the answer of another`);
  if (answer === 'reused' && (world.effects.includes(request) || world.effects.length === 0))
    throw new Error(`request ${request} was refused for a key that no other request has taken`);
  return world;
}

/** What one step does, once its message arrives: the durable change, and how the attempt goes on. */
function* arrive(world: World, attempt: Attempt): Iterable<readonly [string, World]> {
  const { request, step, heard } = attempt;
  const { service, fingerprint } = REQUESTS[request];
  const says = `${request} ${heard ? '' : '(unheard) '}${step.do}`;
  /** The next message leaves only where somebody is left to send it. */
  const goOn = (after: World, next: Step): World => {
    if (!heard) return after;
    if (next.do !== 'refuse') return put(after, { request, step: next, heard });
    return next.code === 'idempotency_key_reused' ? tell(after, request, 'reused') : after;
  };
  switch (step.do) {
    case 'claim': {
      const row = claimed(world.row, service);
      return yield [says, goOn({ ...world, row }, afterClaim(service, row))];
    }
    case 'move': {
      const row = moved(world.row, step.from, service);
      return yield [says, goOn({ ...world, row: row ?? world.row }, afterMove(row))];
    }
    case 'release':
    case 'ask_own': {
      const asked = step.do === 'release' ? requestFor(step.claim.service) : request;
      const next = (release: Release) => (step.do === 'release' ? afterRelease(step.claim, release) : afterAskingOwn(step.claim, release));
      const { record, release } = released(world.records[asked], step.claim.generation);
      yield [`${says}: ${release}`, goOn(withRecord(world, asked, record), next(release))];
      const busy = world.attempts.some((other) => other.request === asked && (other.step.do === 'forward' || other.step.do === 'execute'));
      if (busy) yield [`${says}: in use`, goOn(world, next('in_use'))];
      return;
    }
    case 'forward': {
      const record = reopened(world.records[request], step.generation);
      return yield [says, put(withRecord(world, request, record), { request, step: { ...step, do: 'execute' }, heard })];
    }
    case 'execute': {
      const record = world.records[request];
      if (record === null) {
        yield [`${says}: not remembered`, world];
        const done = withRecord({ ...world, effects: [...world.effects, request] }, request, { fingerprint });
        return yield [`${says}: effect`, heard ? tell(done, request, 'its answer') : done];
      }
      if ('released' in record) return yield [`${says}: overtaken`, world];
      return yield [`${says}: replayed`, heard ? tell(world, request, 'its answer') : world];
    }
  }
}

/** A message that is lost, or an execution that dies with its service, is one whose turn never comes: the check looks past all that is under way. */
function* moves(world: World): Iterable<readonly [string, World]> {
  for (const request of [0, 1] as const) {
    if (world.left[request] === 0) continue;
    const left = [...world.left] as [number, number];
    left[request] -= 1;
    yield [`${request} is sent`, put({ ...world, left }, { request, step: { do: 'claim' }, heard: true })];
  }
  for (const [index, attempt] of world.attempts.entries()) {
    const without = { ...world, attempts: world.attempts.filter((_, other) => other !== index) };
    yield* arrive(without, attempt);
    if (attempt.heard) yield [`${attempt.request} ${attempt.step.do} loses its gateway`, put(without, { ...attempt, heard: false })];
    // A closed socket says nothing of what it carried: the gateway sends once more, and the first may be at work.
    const execution = attempt.step.do === 'execute' ? { ...attempt.step, do: 'forward' as const } : null;
    if (attempt.heard && execution !== null && world.again > 0)
      yield [
        `${attempt.request} is sent again`,
        put(put({ ...without, again: world.again - 1 }, { ...attempt, heard: false }), { ...attempt, step: execution }),
      ];
  }
}

/** One retry with nothing else under way, and no accident. */
function retryAlone(world: World, request: Request): string {
  let now = put({ ...world, attempts: [] }, { request, step: { do: 'claim' }, heard: true });
  for (let steps = 0; steps < 10; steps++) {
    const [attempt] = now.attempts;
    if (attempt === undefined) return 'refused';
    const outcomes = [...arrive({ ...now, attempts: [] }, attempt)];
    const [says, next] = outcomes.at(-1)!;
    if (says.endsWith('effect')) return 'effect';
    if (says.endsWith('replayed')) return 'replayed';
    if (says.endsWith('overtaken')) return 'overtaken';
    now = next;
  }
  throw new Error('a retry goes on for ever');
}

/** What is durable decides what a retry alone gets, so it is tried once for each. */
const retried = new Set<string>();
const promise = (world: World): void => {
  if (world.effects.length > 1) throw new Error('there are two effects under one key');
  const { row, records, effects } = world;
  const durable = JSON.stringify([row, records, effects]);
  if (retried.has(durable)) return;
  retried.add(durable);
  // Whatever has happened, and if all that is under way is lost: the request that took effect gets its answer, the other a refusal, and where there is no effect the key is free.
  for (const request of [0, 1] as const) {
    const expected = world.effects.length === 0 ? 'effect' : world.effects[0] === request ? 'replayed' : 'refused';
    const outcome = retryAlone(world, request);
    if (outcome !== expected) throw new Error(`a retry of request ${request} is ${outcome} instead of ${expected}`);
  }
};

const START: World = { row: null, records: [null, null], effects: [], attempts: [], left: [0, 0], again: 0 };
const nameOf = ({ attempts, ...rest }: World) => JSON.stringify([rest, attempts.map((attempt) => JSON.stringify(attempt)).sort()]);
const everything = (world: Partial<World>) => explore<World>({ initial: { ...START, ...world }, moves, check: promise, nameOf });

describe('who owns an idempotency key', () => {
  // Guarantees the promise's own sentence: at most one effect under a key, a retry of the request that took effect gets its answer, and the other
  // is refused only then; in every order of steps of any number of gateways, and with any of them, of the messages and of the executions lost.
  it.each([
    ['the first sent twice, and once more by a gateway', { left: [2, 1], again: 1 }],
    ['the second sent twice, and once more by a gateway', { left: [1, 2], again: 1 }],
    ['both sent twice', { left: [2, 2], again: 0 }],
    ['the first sent three times', { left: [3, 1], again: 0 }],
  ] satisfies [string, Partial<World>][])('holds in every interleaving: %s', (_, world) => {
    const { states, depth } = everything(world);
    expect(states).toBeGreaterThan(1_000);
    expect(depth).toBeGreaterThan(10);
  });

  // Before there were claims, and after the gateway's database was lost, a service remembers what nobody claims.
  it('holds for a request that a service remembers without a claim, once the other service owns the key', () => {
    const remembered: KeyRecord = { fingerprint: REQUESTS[0].fingerprint };
    const world = {
      ...START,
      row: { service: 'tasks', generation: 1, contested: false },
      records: [remembered, { fingerprint: 'second' }] as const,
    };
    expect([retryAlone({ ...world, effects: [0, 1] }, 0), retryAlone({ ...world, effects: [0, 1] }, 1)]).toEqual(['replayed', 'replayed']);
  });

  it('tells a record that gave its key away from any fingerprint', () => {
    expect([1, 27].map((generation) => releasedOf(releasedFingerprint(generation)))).toEqual([1, 27]);
    expect(releasedOf('9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08')).toBeNull();
  });
});
