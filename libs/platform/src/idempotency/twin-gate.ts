import type { Tenant } from '../caller';
import type { CommandRequest, RecordedAnswer } from '../event-store/types';
import { Problem } from '../problems';

/** How long a twin waits for the first request with its key before it is told to come back. */
const TWIN_WAIT_MS = 10_000;

interface Running {
  readonly fingerprint: string;
  /** Null when the first ended without an answer that is remembered (a 5xx that changed nothing). */
  readonly outcome: Promise<RecordedAnswer | null>;
}

/**
 * Lets one request per idempotency key through; its twins in this process wait here, in memory, where they hold no
 * connection that other requests need. Twins in other processes meet on the primary key of idempotency_keys.
 */
export class TwinGate {
  private readonly running = new Map<string, Running>();

  constructor(private readonly waitMs = TWIN_WAIT_MS) {}

  async pass(request: CommandRequest, work: () => Promise<RecordedAnswer>): Promise<RecordedAnswer> {
    const key = nameOf(request.caller, request.idempotencyKey);
    const giveUpAt = performance.now() + this.waitMs;
    for (;;) {
      const first = this.running.get(key);
      if (first === undefined) return this.lead(key, request.fingerprint, work);
      if (first.fingerprint !== request.fingerprint) throw keyReused();
      const outcome = await within(first.outcome, giveUpAt - performance.now());
      if (outcome === 'late') throw keyInUse();
      if (outcome !== null) return replayed(outcome);
    }
  }

  /** Resolves with true once nobody is at work under the key in this process, with false when that takes longer. */
  async quiet(tenant: Tenant, idempotencyKey: string, waitMs: number): Promise<boolean> {
    const key = nameOf(tenant, idempotencyKey);
    const giveUpAt = performance.now() + waitMs;
    for (let first = this.running.get(key); first !== undefined; first = this.running.get(key))
      if ((await within(first.outcome, giveUpAt - performance.now())) === 'late') return false;
    return true;
  }

  private async lead(key: string, fingerprint: string, work: () => Promise<RecordedAnswer>): Promise<RecordedAnswer> {
    const answer = work();
    const outcome = answer.catch(() => null).finally(() => this.running.delete(key));
    this.running.set(key, { fingerprint, outcome });
    return answer;
  }
}

const nameOf = ({ organizationId, livemode }: Tenant, key: string): string => `${organizationId} ${livemode} ${key}`;

export const replayed = (answer: RecordedAnswer): RecordedAnswer => ({
  ...answer,
  headers: { ...answer.headers, 'idempotent-replayed': 'true' },
});

export const keyReused = (): Problem =>
  new Problem(
    'idempotency_key_reused',
    'This Idempotency-Key was first used with another method, path or body. Use a new key for a new request.',
  );

export const keyInUse = (): Problem =>
  new Problem(
    'idempotency_key_in_use',
    'The first request with this Idempotency-Key has not ended yet. Send this one again in a moment.',
    {},
    {
      'retry-after': '1',
    },
  );

async function within<T>(promise: Promise<T>, ms: number): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), Math.max(0, ms));
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
