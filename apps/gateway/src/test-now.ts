import type { Pool } from 'undici';
import { CALLER_HEADER, signCaller, type Caller } from '@works/platform/caller';
import { Problem } from '@works/platform/problems';

/** The present instant by the test clock of the caller's organization. */
export type TestNow = (caller: Caller) => Promise<Date>;

/** A key is not refused for a service that is slow, but whoever holds one must not wait for ever either. */
const ASK_MS = 2_000;

/**
 * Asks the tasks service, which owns the clocks. Only keys of test mode that expire cost this, and each no more than once in the time for which
 * callers are remembered. In the gateway's own name: the key need not have the scope.
 */
export const testNowOf =
  (tasks: Pool, signingKey: Buffer): TestNow =>
  async (caller) => {
    const headers = { [CALLER_HEADER]: signCaller({ ...caller, scopes: ['tasks:read'] }, signingKey, Date.now()) };
    const answer = await tasks
      .request({ method: 'GET', path: '/test_clock', headers, signal: AbortSignal.timeout(ASK_MS) })
      .catch(() => null);
    const clock = (await answer?.body.json().catch(() => null)) as { now?: string } | null | undefined;
    if (answer?.statusCode !== 200 || typeof clock?.now !== 'string')
      throw new Problem('unavailable', 'The test clock is not reachable. Try again in a moment.', {}, { 'retry-after': '1' });
    return new Date(clock.now);
  };
