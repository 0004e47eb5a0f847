import { setTimeout as delay } from 'node:timers/promises';
import type { Caller } from '../caller';
import type { LogMessage } from '../event-log';
import { Problem } from '../problems';
import { Coverage, handledThrough, partsOf, type Concern } from './coverage';
import { formatPlace, type Place, type Position, type PositionsByService } from './positions';
import { Rounds } from './rounds';

/** How long a request is kept for what its own client wrote. Handling it goes on meanwhile, so this bounds an outage, not a backlog. */
const WAIT_MS = 10_000;
/** How long a list over the whole organization is kept for a position that its client has passed on. */
const CLAIMED_WAIT_MS = 2_000;
/** How soon a service that did not answer is asked again. */
const AGAIN_MS = 100;
/** How soon after news it is looked through where everybody's have been handled. */
const LOOK_MS = 1_000;
/** How often that is written down, for the next start. */
const SAVE_MS = 5_000;

/** How far a source had come when it was asked; `published` is never beyond `settled`. */
export interface SourceProgress {
  readonly epoch: string;
  readonly settled: bigint;
  readonly published: bigint;
}

/** A page of facts that may not have been handled here. */
export interface SourceFacts extends SourceProgress {
  /** Each key's in order. */
  readonly messages: readonly LogMessage[];
  /** Where the next page begins; null behind the last. */
  readonly next: Place | null;
  /** Where each position that was asked for stands; null for one that the source cannot have told. */
  readonly standing: readonly (bigint | null)[];
}

export interface FactsQuestion {
  readonly after: Place | null;
  readonly through: readonly Place[] | 'now';
  /** Null: of all keys. */
  readonly keys: readonly string[] | null;
  /** Whatever belongs to keys under which the caller has written. */
  readonly own: boolean;
}

export interface CaughtUpOptions {
  readonly service: string;
  /** The services whose events this one consumes; positions of others cannot matter to it. */
  readonly sources: readonly string[];
  /** Rejects while the source is away. */
  facts(source: string, caller: Caller, question: FactsQuestion): Promise<SourceFacts>;
  progress(source: string): Promise<SourceProgress>;
  /** Has the reactions take what they have not taken yet; resolves when they have. */
  handle(messages: readonly LogMessage[]): Promise<void>;
  /** Resolves when the group has handled all that the event log held when it was called. */
  allHandled(): Promise<void>;
  /** Whether this service's own store has ever stood at the position. */
  isKnown(position: Place): Promise<boolean>;
  /** What is known of each source outlives a restart. */
  readonly saved?: { load(source: string): Promise<Place | null>; save(source: string, place: Place): Promise<void> };
  readonly waitMs?: number;
}

interface Round {
  readonly caller: Caller;
  readonly positions: readonly Position[];
}

/**
 * Read your own writes across services. A request waits only for what it can depend on: for facts of the keys that it names, or that its caller wrote.
 * Those that may not have been handled here are fetched from their owner and handled at once, whatever waits in the event log before them; the log
 * brings them once more, and the inbox lets them pass. What is known to be handled is one comparison in memory.
 */
export class CaughtUp {
  private readonly coverage: ReadonlyMap<string, Coverage>;
  private readonly rounds = new Map<string, Rounds<Round, Map<string, bigint | null>>>();
  private readonly barrier = new Rounds<null, void>(() => this.options.allHandled());
  private readonly advancing = new Set<string>();
  private readonly savedAt = new Map<string, number>();
  private looking: NodeJS.Timeout | null = null;

  constructor(private readonly options: CaughtUpOptions) {
    this.coverage = new Map(options.sources.map((source) => [source, new Coverage()]));
  }

  /** Goes on from where the last start had come. */
  async start(): Promise<void> {
    for (const [source, coverage] of this.coverage) {
      const place = await this.options.saved?.load(source);
      if (place) coverage.noteEverything(place);
    }
    this.heard();
  }

  stop(): void {
    if (this.looking !== null) clearTimeout(this.looking);
    this.looking = null;
  }

  /** The store may be another than before: what was handled may be gone. */
  forget(): void {
    this.coverage.forEach((coverage) => coverage.forget());
  }

  /** Called when the reactions have handled something. Idle services ask nobody. */
  readonly heard = (): void => {
    this.looking ??= setTimeout(() => {
      this.looking = null;
      for (const source of this.options.sources)
        this.options.progress(source).then(
          (progress) => this.advance(source, progress),
          () => undefined,
        );
    }, LOOK_MS).unref();
  };

  /** Through which positions everything of everybody is in: `tasks:e4f9a01c.733`; empty while none is known. */
  asOf(): string {
    const places = [...this.coverage].flatMap(([source, { from }]) => (from === null ? [] : [`${source}:${formatPlace(from)}`]));
    return places.join(',');
  }

  /**
   * Resolves when everything that the request depends on has taken effect here. Past the bound, and while a source is away: 503 not_caught_up, except for
   * a whole organization's list whose client claims nothing, which is answered as it stands. 400 invalid_header for a position that the client claims
   * and no answer of ours can have carried.
   */
  async wait(caller: Caller, positions: PositionsByService, concern: Concern): Promise<void> {
    await Promise.all(
      this.options.sources.map((source) => this.reach(source, caller, this.behind(source, caller, positions, concern), concern)),
    );
  }

  /** Asks the owners for whatever they have under these keys by now, although nobody is known to have written there. 503 not_caught_up while one is away. */
  async fetch(caller: Caller, keys: readonly string[]): Promise<void> {
    await Promise.all(
      this.options.sources.map((source) =>
        this.pull(source, caller, { keys, own: false, through: 'now' }).catch(() => {
          throw notCaughtUp([source]);
        }),
      ),
    );
  }

  /** 400 invalid_header for a position of this very service that the client claims and no answer of ours can have carried. */
  async refuseUnknown(positions: PositionsByService): Promise<void> {
    for (const position of positions.get(this.options.service) ?? [])
      if (position.claimed && !(await this.options.isKnown(position))) throw unknownPosition(this.options.service);
  }

  private behind(source: string, caller: Caller, positions: PositionsByService, concern: Concern): Position[] {
    const coverage = this.coverage.get(source)!;
    return (positions.get(source) ?? []).filter((position) => !coverage.covers(caller, position, concern));
  }

  private async reach(source: string, caller: Caller, behind: readonly Position[], concern: Concern): Promise<void> {
    if (behind.length === 0) return;
    const claims = behind.some(({ claimed }) => claimed);
    const mayBeLate = concern.everything && !claims;
    const waitMs = this.options.waitMs ?? (concern.everything && claims ? CLAIMED_WAIT_MS : WAIT_MS);
    const late = new AbortController();
    const bound = delay(waitMs, 'late' as const, { signal: late.signal, ref: false }).catch(() => 'late' as const);
    const reached = this.untilHandled(source, caller, behind, concern, late.signal, mayBeLate);
    const outcome = await Promise.race([reached, bound]).finally(() => late.abort());
    reached.catch(() => undefined);
    if (outcome === 'handled' || mayBeLate) return;
    throw notCaughtUp([source]);
  }

  private async untilHandled(
    source: string,
    caller: Caller,
    behind: readonly Position[],
    concern: Concern,
    late: AbortSignal,
    mayBeLate: boolean,
  ): Promise<'handled' | 'late'> {
    while (!late.aborted) {
      try {
        const standing = await this.roundsFor(
          source,
          caller,
          concern,
          behind.some(({ claimed }) => claimed),
        ).join({ caller, positions: behind });
        // What only we remember is of a history that was lost: nothing of it will come.
        if (behind.some((position) => position.claimed && standing.get(formatPlace(position)) === null)) throw unknownPosition(source);
        return 'handled';
      } catch (error) {
        if (error instanceof Problem) throw error;
        if (mayBeLate) return 'late';
        await delay(AGAIN_MS, undefined, { signal: late }).catch(() => undefined);
      }
    }
    return 'late';
  }

  /** Requests that depend on the same share what is fetched, as long as that begins after they came. */
  private roundsFor(source: string, caller: Caller, concern: Concern, claimed: boolean): Rounds<Round, Map<string, bigint | null>> {
    const parts = partsOf(caller, concern, claimed);
    const name = `${source} ${caller.organizationId} ${caller.livemode} ${parts.join(' ')}`;
    const known = this.rounds.get(name);
    if (known !== undefined) return known;
    const rounds = new Rounds<Round, Map<string, bigint | null>>(
      (asked) => this.handleThrough(source, asked, parts, concern),
      () => this.rounds.delete(name),
    );
    this.rounds.set(name, rounds);
    return rounds;
  }

  private async handleThrough(
    source: string,
    asked: readonly Round[],
    parts: ReturnType<typeof partsOf>,
    concern: Concern,
  ): Promise<Map<string, bigint | null>> {
    const { caller } = asked[0]!;
    const places = new Map(asked.flatMap(({ positions }) => positions).map((position) => [formatPlace(position), position]));
    const through = [...places.values()];
    const all = parts.includes('all');
    const { standing, settled } = await this.pull(source, caller, {
      keys: all ? null : concern.keys,
      own: concern.everything && !all,
      through,
    });
    const coverage = this.coverage.get(source)!;
    through.forEach((position, index) => {
      const at = standing[index];
      // A position that its source does not know is of a lost history; there is nothing to wait for.
      const isWhole = at == null || at <= settled;
      coverage.note(caller, parts, { epoch: position.epoch, at: isWhole ? position.at : handledThrough(position.at, settled) });
    });
    return new Map(through.map((position, index) => [formatPlace(position), standing[index] ?? null]));
  }

  private async pull(source: string, caller: Caller, question: Omit<FactsQuestion, 'after'>): Promise<SourceFacts> {
    const { facts, handle } = this.options;
    const first = await facts(source, caller, { ...question, after: this.coverage.get(source)!.from });
    for (let page = first; ; page = await facts(source, caller, { ...question, after: page.next })) {
      if (page.messages.length > 0) await handle(page.messages);
      if (page.next === null) break;
    }
    this.advance(source, first);
    return first;
  }

  /** What was published when the source said so is handled once the group has handled all that the log holds by now. */
  private advance(source: string, { epoch, published }: SourceProgress): void {
    const place = { epoch, at: published };
    const { from } = this.coverage.get(source)!;
    if (this.advancing.has(source) || (from?.epoch === epoch && published <= from.at)) return;
    this.advancing.add(source);
    this.barrier
      .join(null)
      .then(() => this.noteEverything(source, place))
      .catch(() => undefined)
      .finally(() => this.advancing.delete(source));
  }

  private async noteEverything(source: string, place: Place): Promise<void> {
    if (!this.coverage.get(source)!.noteEverything(place)) return;
    const now = performance.now();
    if (now - (this.savedAt.get(source) ?? -Infinity) < SAVE_MS) return;
    this.savedAt.set(source, now);
    await this.options.saved?.save(source, place);
  }
}

const notCaughtUp = (sources: readonly string[]) =>
  new Problem(
    'not_caught_up',
    `What was written at ${sources.join(' and ')} has not arrived here yet. Try again in a moment.`,
    {},
    { 'retry-after': '1' },
  );

const unknownPosition = (service: string) =>
  new Problem(
    'invalid_header',
    `Works-Position must be one that an answer of ours carried: the ${service} service has never been at this one. Leave the header out.`,
  );
