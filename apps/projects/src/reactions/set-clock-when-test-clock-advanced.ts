import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { PublicEvent } from '@works/contracts/events';
import type { TestClockEventData } from '@works/contracts/test-clock';
import { Inbox } from '@works/platform/reactions';
import { InvoiceDrafter } from '../invoices/invoice-drafter';
import { hastenDrafts } from '../invoices/statements';
import { noteTestClock } from '../test-clock';

@Controller()
export class SetClockWhenTestClockAdvanced {
  constructor(
    private readonly inbox: Inbox,
    private readonly drafter: InvoiceDrafter,
  ) {}

  @EventPattern('test_clock.advanced', { keyPrefix: 'clk_' })
  set(@Payload() event: PublicEvent<TestClockEventData>): Promise<void> {
    return this.inbox.repeatable([event], async (tx) => {
      await noteTestClock(tx, event.data);
      await hastenDrafts(tx);
      tx.afterCommit(() => this.drafter.wake());
    });
  }
}
