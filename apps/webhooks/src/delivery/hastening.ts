import { Injectable } from '@nestjs/common';
import type { PublicEvent } from '@works/contracts/events';
import type { TestClockEventData } from '@works/contracts/test-clock';
import { Inbox } from '@works/platform/reactions';
import { DeliveryEngine } from './delivery-engine';

/**
 * Retries wait by the wall clock, so that receivers and workers need no other. When an organization's test clock moves, what waits in its test
 * mode has waited that much longer. A topic has one handler: the fan-out, which takes every event, hands this one on.
 */
@Injectable()
export class Hastening {
  constructor(
    private readonly inbox: Inbox,
    private readonly engine: DeliveryEngine,
  ) {}

  /** Once for each event, in whatever order they come: the waits grow shorter by the sum. */
  async retries(event: PublicEvent<TestClockEventData>): Promise<void> {
    const { test_clock, previous } = event.data;
    await this.inbox.once('hasten-retries', event, async (tx) => {
      // An attempt under way has its wait still before it. By endpoint, as the index deliveries_waiting has them.
      await tx.query(
        `update deliveries_pending d set next_attempt_at = d.next_attempt_at - w.sooner, due_at = d.due_at - w.sooner, updated_at = now()
           from (select make_interval(secs => $1::float8 / 1000) as sooner) as w
          where d.endpoint_id = any(array(select e.id from webhook_endpoints e)) and works_lane(d.replay_job_id, d.attempts_made) > 0 and d.attempts_made > 0
            and d.status = 'pending' and d.lease_token is null`,
        [test_clock.offset_ms - previous.offset_ms],
      );
      tx.afterCommit(() => this.engine.wake());
    });
  }
}
