import type { Pool } from 'pg';
import { Batcher } from '../batching';
import type { DomainEvent } from '../decider';
import { RuleViolation } from '../errors';
import { mayDieAt } from '../fault-points';
import { keyInUse, keyReused, releasedOf, replayed, TwinGate } from '../idempotency';
import { inOneTransaction, sqlState, violatedConstraint } from '../postgres';
import { isSealed, type Keyring } from '../sealing';
import { Problem, problemDocument, type ProblemCatalogue } from '../problems';
import type { TenantTransaction } from '../tenancy';
import { appendOf, appendStatement, charactersOf, EventTooLarge, type Append, type Remembered } from './append-statement';
import { requireMatch } from './if-match';
import type { Aggregate, Answer, Cause, Change, CommandRequest, Decision, Loaded, Publish, RecordedAnswer } from './types';

/** Writers that lose a race decide again this often before they tell the caller to come back. */
const DECISIONS_MAX = 8;

/** Raised by works_append when the key is already remembered. */
const KEY_REMEMBERED = 'SKT01';
const LOCK_NOT_AVAILABLE = '55P03';
/** Raised by a service's own trigger when what was decided on has changed meanwhile; and by the server for one of several that wait in a circle. */
const DECIDE_AGAIN = new Set(['40001', '40P01', LOCK_NOT_AVAILABLE, KEY_REMEMBERED]);

/** A mutation that waits longer than this for its twin in another process gives its connection back and asks again. */
const LOCK_TIMEOUT_MS = 1_000;
/** In a batch nobody waits for somebody else's twin: it is refused soon, and everybody is sent alone. */
const LOCK_TIMEOUT_OF_BATCH_MS = 20;
/** While one batch waits for the disk the next can be on its way; a third would only make both smaller. */
const BATCHES_MAX = 2;
/** Keeps a batch of large mutations from holding up small ones; a usual mutation takes two to three thousand characters. */
const BATCH_CHARACTERS_MAX = 200_000;

export interface EventStoreOptions {
  /** The role that row-level security binds. */
  readonly pool: Pool;
  /** Names the positions: `Works-Position: <service>:<epoch>.<position>`. */
  readonly service: string;
  readonly publish: Publish;
  readonly valueBytesMax: number;
  readonly catalogue: ProblemCatalogue;
  /** Called after each commit that may have told something; the relay listens. */
  readonly committed: () => void;
  /** Seals what is remembered of answers that show a secret. A store without one gives no such answers. */
  readonly keyring?: Keyring;
  /** Default: a gate of its own. Whoever gives keys away looks at the same one. */
  readonly twins?: TwinGate;
}

type Refusal = RuleViolation | 'decide_again' | null;

export interface CommandOptions {
  /**
   * A unique index of the service refused the documents: say which rule that is. Null when it is no rule; `decide_again` when what stood in the
   * way is gone already.
   */
  refusal?(constraint: string): Promise<Refusal> | Refusal;
  /**
   * The unique index on which those meet who want the next place in a row. The losers decide again on what the winner left, `decisionsMax`
   * times in all: one place is taken each time, so that many writers at one instant are served before any is told to come back.
   */
  lostRace?: { readonly constraint: string; readonly decisionsMax: number };
}

interface LoadedRow {
  version: number | null;
  state: unknown;
  fingerprint: string | null;
  status: number;
  headers: Record<string, string>;
  body: string;
  /** `<epoch>.<position>` */
  position: string;
}

/**
 * The only corridor to the events: load, decide, append. One mutation is one transaction that holds its events,
 * documents and remembered answer; every path through here is one or two round trips.
 */
export class EventStore {
  private readonly twins: TwinGate;
  /** Mutations that come while others are being committed share a round trip and a commit. */
  private readonly appends = new Batcher<Append, string>({
    batchesMax: BATCHES_MAX,
    weightMax: BATCH_CHARACTERS_MAX,
    weightOf: charactersOf,
    run: (appends) => this.appendAll(appends),
  });

  constructor(private readonly options: EventStoreOptions) {
    this.twins = options.twins ?? new TwinGate();
  }

  /** For what does not exist yet: nothing is loaded, one round trip. */
  create(request: CommandRequest, decide: () => Decision | Promise<Decision>, options: CommandOptions = {}): Promise<RecordedAnswer> {
    return this.twins.pass(request, () =>
      this.untilDecided(request, options.lostRace?.decisionsMax, () => this.decideAndCommit(request, decide, options)),
    );
  }

  /** Loads the aggregate, lets `decide` speak, appends. An id that is not the caller's is 404, whatever the reason. */
  change<State, Event extends DomainEvent>(
    request: CommandRequest,
    aggregate: Aggregate<State, Event>,
    id: string,
    decide: (state: State, loaded: Loaded<State>) => Decision | Promise<Decision>,
    options: CommandOptions = {},
  ): Promise<RecordedAnswer> {
    return this.twins.pass(request, () =>
      this.untilDecided(request, options.lostRace?.decisionsMax, async () => {
        const { remembered, loaded } = await this.loadWithMemory(request, aggregate, id);
        if (remembered !== null) return remembered;
        const { state, version } = loaded;
        if (state === null) throw new Problem('not_found', 'There is no such resource.');
        requireMatch(request, version);
        return this.decideAndCommit(request, () => decide(state, loaded), options);
      }),
    );
  }

  /**
   * Reads an aggregate inside a reaction's transaction. With `forUpdate` other reactions that want the same aggregate wait until
   * this one has committed. An advisory lock, because a row lock would deadlock with commands: those insert their event first
   * and write the document after it. A command that gets in between makes the append fail as a lost race.
   */
  async load<State, Event extends DomainEvent>(
    tx: TenantTransaction,
    aggregate: Aggregate<State, Event>,
    id: string,
    options: { forUpdate?: boolean } = {},
  ): Promise<Loaded<State>> {
    if (options.forUpdate) await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [id]);
    const { rows } = await tx.query<{ version: number; state: State }>(`select version, state from ${aggregate.table} where id = $1`, [id]);
    return { id, version: rows[0]?.version ?? 0, state: rows[0]?.state ?? null };
  }

  /** Appends inside a reaction's transaction: the inbox row commits with it. */
  async append(tx: TenantTransaction, changes: readonly Change[], cause: Cause): Promise<void> {
    const { publish, valueBytesMax } = this.options;
    await tx.query(appendStatement([appendOf(changes, cause, publish, valueBytesMax, null)], LOCK_TIMEOUT_MS));
    tx.afterCommit(this.options.committed);
  }

  /** Lost races are decided again on what the winner left; a winner with our own key has answered for us. */
  private async untilDecided(
    request: CommandRequest,
    decisionsMax: number | undefined = DECISIONS_MAX,
    attempt: () => Promise<RecordedAnswer>,
  ): Promise<RecordedAnswer> {
    for (let decisions = 1; ; decisions++) {
      try {
        return await attempt();
      } catch (error) {
        const remembered = isLostRace(error) ? await this.remembered(request) : null;
        if (remembered !== null) return remembered;
        if (!isLostRace(error)) throw translated(error);
        if (decisions === decisionsMax) throw sqlState(error) === LOCK_NOT_AVAILABLE ? keyInUse() : contended();
      }
    }
  }

  private async decideAndCommit(
    request: CommandRequest,
    decide: () => Decision | Promise<Decision>,
    { refusal, lostRace }: CommandOptions,
  ): Promise<RecordedAnswer> {
    try {
      return await this.commit(request, await this.outcomeOf(request, decide));
    } catch (error) {
      // What is not there any more may be gone by this very request: then it has been answered.
      const remembered = error instanceof Problem ? await this.remembered(request) : null;
      if (remembered !== null) return remembered;
      const constraint = violatedConstraint(error);
      if (constraint !== null && constraint === lostRace?.constraint) throw new LostRace();
      const violation = constraint === null ? null : await refusal?.(constraint);
      if (violation === 'decide_again') throw new LostRace();
      if (!violation) throw error;
      return this.commit(request, this.refused(request, violation));
    }
  }

  private async outcomeOf(request: CommandRequest, decide: () => Decision | Promise<Decision>): Promise<Decision> {
    try {
      return await decide();
    } catch (error) {
      if (error instanceof RuleViolation) return this.refused(request, error);
      throw error;
    }
  }

  private refused(request: CommandRequest, violation: RuleViolation): Decision {
    const body = problemDocument(this.options.catalogue, violation, request.requestId);
    return { changes: [], answer: { status: body.status, body } };
  }

  private async commit(request: CommandRequest, decision: Decision): Promise<RecordedAnswer> {
    const { publish, valueBytesMax } = this.options;
    const answer = final(decision.answer);
    const remembered = decision.answer.secret === true ? this.sealed(request, answer) : answer;
    const { idempotencyKey, fingerprint } = request;
    const { status, headers, body } = remembered;
    const append = appendOf(decision.changes, request, publish, valueBytesMax, { idempotencyKey, fingerprint, status, headers, body });
    const position = decision.statements?.length ? await this.appendWith(append, decision.statements) : await this.appends.add(append);
    mayDieAt('mutation-committed');
    if (decision.changes.length > 0) this.options.committed();
    return this.at(position, answer);
  }

  private async appendAll(appends: readonly Append[]): Promise<string[]> {
    const lockTimeoutMs = appends.length === 1 ? LOCK_TIMEOUT_MS : LOCK_TIMEOUT_OF_BATCH_MS;
    const { rows } = await this.options.pool.query<{ position: string }>(appendStatement(appends, lockTimeoutMs));
    return appends.map(() => rows[0]!.position);
  }

  /** All in one packet. The append goes first, because it also sets the tenant for the statements. */
  private async appendWith(append: Append, statements: NonNullable<Decision['statements']>): Promise<string> {
    const [appended] = await inOneTransaction<{ position: string }>(this.options.pool, [
      appendStatement([append], LOCK_TIMEOUT_MS),
      ...statements.map(({ text, values }) => ({ text, values: [...values] })),
    ]);
    return appended!.rows[0]!.position;
  }

  private async loadWithMemory<State, Event extends DomainEvent>(request: CommandRequest, aggregate: Aggregate<State, Event>, id: string) {
    const { organizationId, livemode } = request.caller;
    const { rows } = await this.options.pool.query<LoadedRow>({
      name: `works_load_${aggregate.table}`,
      text: `select * from works_load_${aggregate.table}($1, $2, $3, $4)`,
      values: [organizationId, livemode, id, request.idempotencyKey],
    });
    const row = rows[0]!;
    return {
      remembered: row.fingerprint === null ? null : this.replay(request, { ...row, fingerprint: row.fingerprint }),
      loaded: { id, version: row.version ?? 0, state: row.state as State | null } satisfies Loaded<State>,
    };
  }

  private async remembered(request: CommandRequest): Promise<RecordedAnswer | null> {
    const { organizationId, livemode } = request.caller;
    const { rows } = await this.options.pool.query<LoadedRow & { fingerprint: string }>({
      name: 'works_remembered',
      text: 'select * from works_remembered($1, $2, $3)',
      values: [organizationId, livemode, request.idempotencyKey],
    });
    return rows[0] === undefined ? null : this.replay(request, rows[0]);
  }

  private replay(request: CommandRequest, row: LoadedRow & { fingerprint: string }): RecordedAnswer {
    // Overtaken: the key was given away for a request at another service. Whether that has taken it, the next look at who owns it says.
    if (releasedOf(row.fingerprint) !== null) throw keyInUse();
    if (row.fingerprint !== request.fingerprint) throw keyReused();
    return replayed(this.at(row.position, isSealed(row.body) ? { ...row, body: this.keyring().open(row.body, placeOf(request)) } : row));
  }

  private sealed(request: CommandRequest, answer: Remembered): Remembered {
    return { ...answer, body: this.keyring().seal(answer.body, placeOf(request)) };
  }

  private keyring(): Keyring {
    if (this.options.keyring === undefined) throw new Error('This event store has no keys to seal an answer with.');
    return this.options.keyring;
  }

  private at(position: string, { status, body, headers }: Remembered): RecordedAnswer {
    return { status, body, headers: { 'works-position': `${this.options.service}:${position}`, ...headers } };
  }
}

/** The bytes that are sent now and at every replay. */
function final({ status, body, version, location }: Answer): Remembered {
  const headers: Record<string, string> = {
    'content-type': status >= 400 ? 'application/problem+json; charset=utf-8' : 'application/json; charset=utf-8',
  };
  if (version !== undefined) headers['etag'] = `W/"${version}"`;
  if (location !== undefined) headers['location'] = location;
  return { status, headers, body: JSON.stringify(body) };
}

/** A sealed answer opens only for the key it was given under. */
const placeOf = ({ caller, idempotencyKey }: CommandRequest): string => `${caller.organizationId} ${caller.livemode} ${idempotencyKey}`;

/** Somebody else has got the place in a row that was decided on, or had it and has left it. */
class LostRace extends Error {}

/** Another writer was first: what was decided no longer holds, and deciding again will. */
export function isLostRace(error: unknown): boolean {
  if (error instanceof LostRace) return true;
  const state = sqlState(error);
  return (state !== null && DECIDE_AGAIN.has(state)) || violatedConstraint(error) === 'events_stream_version';
}

const contended = () =>
  new Problem(
    'contended',
    'Too many changes to this resource at once. Send the same request again, with the same key.',
    {},
    { 'retry-after': '1' },
  );

const translated = (error: unknown): unknown =>
  error instanceof EventTooLarge
    ? new Problem('event_too_large', `The change would make an event of ${error.bytes} bytes; the most is ${error.bytesMax}.`)
    : error;
