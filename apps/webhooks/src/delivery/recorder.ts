import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { isOperational } from '@works/contracts/events';
import { Batcher } from '@works/platform/batching';
import type { Logger } from '@works/platform/logging';
import { disableEndpoint, recordWithDeaths } from './failures';
import { isFirst, type Leased } from './attempt';
import { recordAndHandOver, recordAttempts, type Lease, type Recorded, type Result } from './statements';

const RETRY_MS = 200;
/** What nobody waits for is written down together with what comes within this time. */
const GATHER_MS = 10;
/** Results in one statement. */
const BATCH_MAX = 200;
/** How long an endpoint may fail, and do nothing else, before we disable it. */
export const PATIENCE_SECONDS = 5 * 24 * 3_600;

export interface RecorderParts {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly patienceSeconds?: number;
  /** Something waits for a claim now. */
  readonly released: () => void;
  /** Under what the next deliveries are leased to us; null while their place is not to change hands. */
  readonly lease: () => Lease | null;
}

/**
 * Writes results down, one statement at a time: while one is under way the others gather, so that a busy worker commits rarely. A first attempt that
 * has ended brings the next one of its endpoint, if there is one. Where places are free anyway, nobody waits for the record of a success, and it
 * waits for others.
 */
export class Recorder {
  private readonly batches = new Batcher<Result, Leased | null>({
    batchesMax: 1,
    weightMax: BATCH_MAX,
    run: async (results) => {
      const handedOver = await this.write(results);
      return results.map(({ leased }) => {
        const at = isFirst(leased) ? handedOver.findIndex(({ endpointId }) => endpointId === leased.endpointId) : -1;
        return at === -1 ? null : handedOver.splice(at, 1)[0]!;
      });
    },
  });

  private readonly waiting: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly parts: RecorderParts) {}

  /**
   * Resolves when the result is on disk, or when its lease was lost and it no longer matters; with what takes over its place, leased to us.
   * `patient` results may wait for others.
   */
  async record(result: Result, patient: boolean): Promise<Leased | null> {
    if (patient) await this.gather();
    else this.hasten();
    return this.batches.add(result);
  }

  /** Somebody waits for places. */
  hasten(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const goOn of this.waiting.splice(0)) goOn();
  }

  private gather(): Promise<void> {
    this.timer ??= setTimeout(() => this.hasten(), GATHER_MS);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** A database that is away is waited for as long as the leases last; after that another worker sends again. */
  private async write(results: readonly Result[]): Promise<Leased[]> {
    const giveUpAt = performance.now() + 30_000;
    for (;;) {
      try {
        const recorded = await this.writeOnce(results);
        const disabled = await this.disable(results, recorded);
        if (recorded.released || disabled) this.parts.released();
        return recorded.handedOver ?? [];
      } catch (error) {
        if (performance.now() > giveUpAt) {
          this.parts.logger.error(
            { err: error, results: results.length },
            'results of attempts could not be recorded; those deliveries will be sent again',
          );
          return [];
        }
        await delay(RETRY_MS);
      }
    }
  }

  private writeOnce(results: readonly Result[]): Promise<Recorded & { handedOver?: Leased[] }> {
    const { pool, patienceSeconds = PATIENCE_SECONDS } = this.parts;
    // The death of news about failures is no news: otherwise a dead endpoint's dead letters would make more of them for ever.
    const tellsOfDeath = results.some(({ status, leased }) => status === 'dead' && !isOperational(leased.eventType));
    if (tellsOfDeath) return recordWithDeaths(pool, results, patienceSeconds);
    const lease = results.some(({ leased }) => isFirst(leased)) ? this.parts.lease() : null;
    return lease === null ? recordAttempts(pool, results, patienceSeconds) : recordAndHandOver(pool, results, patienceSeconds, lease);
  }

  /** After the recording, on its own: when it fails, the endpoint's next failure does it. */
  private async disable(results: readonly Result[], { failing }: Recorded): Promise<boolean> {
    const { pool, logger, patienceSeconds = PATIENCE_SECONDS } = this.parts;
    const gone = results.filter(({ outcome }) => outcome.statusCode === 410).map(({ leased }) => leased.endpointId);
    const reasons = new Map([
      ...failing.map((id) => [id, `Every attempt has failed for ${lengthOf(patienceSeconds)}.`] as const),
      ...gone.map((id) => [id, 'The endpoint answered 410 Gone.'] as const),
    ]);
    let disabled = false;
    for (const [id, reason] of reasons) {
      try {
        disabled = (await disableEndpoint(pool, id, reason)) || disabled;
      } catch (error) {
        logger.warn({ err: error, endpoint_id: id }, 'a failing endpoint could not be disabled; its next failure tries again');
      }
    }
    return disabled;
  }
}

function lengthOf(seconds: number): string {
  const [count, unit] =
    seconds % 86_400 === 0 ? [seconds / 86_400, 'day'] : seconds % 3_600 === 0 ? [seconds / 3_600, 'hour'] : [seconds, 'second'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
