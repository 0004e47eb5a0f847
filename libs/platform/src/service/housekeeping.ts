import type { Pool } from 'pg';
import type { Logger } from '../logging';

const EVERY_MS = 60_000;

/** Longer than any event log keeps its messages, so that a redelivered event still finds its inbox row. */
const INBOX_DAYS = 30;

/** Deletes what has served its time, in small bites. Any number of instances may do it: they delete the same rows once. */
export class Housekeeping {
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly workers: Pool,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.timer = setInterval(() => void this.tidy(), EVERY_MS);
    this.timer.unref();
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
  }

  private async tidy(): Promise<void> {
    try {
      await this.workers.query(
        `delete from idempotency_keys where ctid = any(array(select ctid from idempotency_keys where expires_at < now() limit 5000))`,
      );
      await this.workers.query(
        `delete from inbox where ctid = any(array(select ctid from inbox where received_at < now() - make_interval(days => $1) limit 5000))`,
        [INBOX_DAYS],
      );
    } catch (error) {
      this.logger.warn({ err: error }, 'tidying up failed; the next round tries again');
    }
  }
}
