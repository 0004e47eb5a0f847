import { explore } from '../testing';

/**
 * The relay's protocol in small: two writers whose transactions overlap, relays that read, publish and forget, and die in between. What they do is what
 * `FAIR_BATCH`, `publish` and `PUBLISHED` do; relay-laws.int.spec.ts shows the same of the real statements.
 */
interface Fact {
  readonly stream: string;
  readonly version: number;
  readonly tenant: string;
}

interface World {
  /** Facts by position; drawn at once, visible once committed. */
  readonly drawn: readonly (Fact & { readonly writer: number; readonly state: 'open' | 'committed' | 'undone' })[];
  readonly outbox: readonly number[];
  /** Positions as the log has them, in order; with what was in flight when a relay died. */
  readonly log: readonly number[];
  readonly inFlight: readonly number[];
  readonly writers: readonly number[];
  /** Each relay's batch, and how far it is with it. Only one that has not lost its session may read; one that has may still be publishing. */
  readonly relays: readonly { readonly batch: readonly number[]; readonly step: 'read' | 'published'; readonly alive: boolean }[];
  readonly deaths: number;
}

const BATCH = 2;

/** What each writer does: transactions of facts. The first writes two versions of a stream, the second a stream of another tenant. */
const WRITERS: readonly (readonly (readonly Fact[])[])[] = [
  [
    [{ stream: 'a', version: 1, tenant: 'x' }],
    [
      { stream: 'a', version: 2, tenant: 'x' },
      { stream: 'b', version: 1, tenant: 'x' },
    ],
  ],
  [[{ stream: 'c', version: 1, tenant: 'y' }]],
];

const START: World = { drawn: [], outbox: [], log: [], inFlight: [], writers: [0, 0], relays: [], deaths: 0 };

/** Of each tenant about as many as of any other, each in the order of its positions. */
function nextBatch({ drawn, outbox }: World): number[] {
  const turns = new Map<string, number>();
  const inTurn = [...outbox]
    .sort((one, other) => one - other)
    .map((position) => {
      const { tenant } = drawn[position]!;
      turns.set(tenant, (turns.get(tenant) ?? 0) + 1);
      return { position, turn: turns.get(tenant)! };
    });
  return inTurn
    .sort((one, other) => one.turn - other.turn || one.position - other.position)
    .slice(0, BATCH)
    .map(({ position }) => position)
    .sort((one, other) => one - other);
}

function* moves(world: World): Generator<[string, World]> {
  for (const [writer, next] of world.writers.entries()) {
    const isOpen = world.drawn.some((fact) => fact.writer === writer && fact.state === 'open');
    if (isOpen) {
      for (const state of ['committed', 'undone'] as const) {
        const drawn = world.drawn.map((fact) => (fact.writer === writer && fact.state === 'open' ? { ...fact, state } : fact));
        const appeared = world.drawn.flatMap((fact, position) => (fact.writer === writer && fact.state === 'open' ? [position] : []));
        // What follows in the stream is decided on what was committed: after a rollback the writer stops.
        const writers = world.writers.map((each, index) => (index === writer && state === 'undone' ? Infinity : each));
        yield [
          `${writer} ${state}`,
          { ...world, drawn, writers, outbox: state === 'committed' ? [...world.outbox, ...appeared] : world.outbox },
        ];
      }
      continue;
    }
    const facts = WRITERS[writer]![next];
    if (facts === undefined) continue;
    const drawn = [...world.drawn, ...facts.map((fact) => ({ ...fact, writer, state: 'open' as const }))];
    yield [`${writer} writes`, { ...world, drawn, writers: world.writers.map((each, index) => (index === writer ? each + 1 : each)) }];
  }

  const leader = world.relays.findIndex(({ alive }) => alive);
  if (leader === -1) {
    const batch = nextBatch(world);
    if (batch.length > 0) yield ['a relay reads', { ...world, relays: [...world.relays, { batch, step: 'read', alive: true }] }];
  } else if (world.deaths < 2) {
    const relays = world.relays.map((relay, index) => (index === leader ? { ...relay, alive: false } : relay));
    // Its session is gone, and another may lead; what it had on the wire may still arrive.
    yield [
      'the relay loses its session',
      { ...world, relays, inFlight: [...new Set([...world.inFlight, ...world.relays[leader]!.batch])].sort(), deaths: world.deaths + 1 },
    ];
  }
  for (const [index, relay] of world.relays.entries()) {
    const without = world.relays.filter((_, other) => other !== index);
    if (relay.step === 'read') {
      const relays = world.relays.map((each, other) => (other === index ? { ...each, step: 'published' as const } : each));
      yield ['a batch arrives', { ...world, log: [...world.log, ...relay.batch], relays }];
      if (!relay.alive) yield ['a batch is lost', { ...world, relays: without }];
    } else if (relay.alive) {
      yield [
        'the relay forgets',
        { ...world, outbox: world.outbox.filter((position) => !relay.batch.includes(position)), relays: without },
      ];
    } else {
      yield ['a dead relay is gone', { ...world, relays: without }];
    }
  }
}

/** The promise, in any state: nothing that was not committed, nothing twice that was not in flight at a death, no stream out of order. */
function check({ drawn, log, outbox, inFlight, relays }: World): void {
  const firsts: number[] = [];
  for (const position of log) {
    if (drawn[position]!.state !== 'committed') throw new Error(`position ${position} was published and is ${drawn[position]!.state}`);
    if (!firsts.includes(position)) firsts.push(position);
    else if (!inFlight.includes(position)) throw new Error(`position ${position} was published twice and was not in flight`);
  }
  for (const [index, position] of firsts.entries()) {
    const { stream, version } = drawn[position]!;
    if (firsts.slice(index).some((later) => drawn[later]!.stream === stream && drawn[later]!.version < version))
      throw new Error(`${stream} ${version} was published before what it follows`);
  }
  // Where nothing is left to do, all that was committed has been published.
  const isStill = outbox.length === 0 && relays.length === 0;
  const missing = drawn.flatMap((fact, position) => (fact.state === 'committed' && !log.includes(position) ? [position] : []));
  if (isStill && missing.length > 0) throw new Error(`position ${missing.join(', ')} was committed and never published`);
}

describe('the protocol of the relay', () => {
  it('keeps its promise whatever overlaps and whatever dies', () => {
    const { states } = explore({
      initial: START,
      moves,
      check,
      nameOf: (world) => JSON.stringify(world, (_, value: unknown) => (value === Infinity ? 'never' : value)),
    });
    expect(states).toBeGreaterThan(1_000);
    expect(states).toBeLessThan(100_000);
  });

  // The explorer would see the fault that the checkpoint had.
  it('would break it with a checkpoint in the place of the outbox', () => {
    const withCheckpoint = function* (world: World): Generator<[string, World]> {
      for (const [move, next] of moves(world)) {
        const through = Math.max(-1, ...next.log);
        yield [
          move,
          {
            ...next,
            outbox: next.outbox.filter((position) => position > through || next.relays.some(({ batch }) => batch.includes(position))),
          },
        ];
      }
    };
    expect(() => explore({ initial: START, moves: withCheckpoint, check })).toThrow('was committed and never published');
  });
});
