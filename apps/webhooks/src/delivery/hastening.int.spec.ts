import type { Caller } from '@works/platform/caller';
import { newId } from '@works/platform/ids';
import { aCaller, eventually } from '@works/platform/testing';
import { anEvent, receiver, startWebhooks, type WebhooksService } from '../webhooks-service.examples';

const HOUR_MS = 3_600_000;

describe('retries that wait while a test clock moves', () => {
  let service: WebhooksService;

  beforeAll(async () => {
    service = await startWebhooks();
  });
  afterAll(() => service.stop());

  const moved = (caller: Caller, hours: number, sinceHours = 0) =>
    anEvent(caller, 'test_clock.advanced', {
      test_clock: { id: newId('clk'), offset_ms: hours * HOUR_MS },
      previous: { offset_ms: sinceHours * HOUR_MS },
    });

  /** An endpoint that is down, with one delivery that has failed six times: its next attempt is 30 minutes away. */
  async function waiting(caller: Caller) {
    const target = await receiver((_, response) => void response.writeHead(500).end());
    const { id } = (await service.post(caller, '/webhook_endpoints', { url: target.url, events: ['task.*'] })).json<{ id: string }>();
    await service.tell([anEvent(caller)]);
    await eventually(async () => {
      const { rowCount } = await service.owner.query(
        `update deliveries set attempts_made = 6, next_attempt_at = now() + interval '30 minutes', due_at = now() + interval '30 minutes'
          where endpoint_id = $1 and attempts_made = 1 and lease_token is null`,
        [id],
      );
      expect(rowCount).toBe(1);
    });
    const dueInMs = async () => {
      const { rows } = await service.owner.query<{ ms: number }>(
        `select extract(epoch from next_attempt_at - now())::float8 * 1000 as ms from deliveries where endpoint_id = $1`,
        [id],
      );
      return rows[0]!.ms;
    };
    return { target, dueInMs };
  }

  it('leave once they are due by it, and by the real time for the receiver who checks it', async () => {
    const caller = aCaller({ livemode: false });
    const { target } = await waiting(caller);
    await service.tell([moved(caller, 1)]);
    await eventually(() => expect(target.arrivals).toHaveLength(2));
    const { headers } = target.arrivals[1]!;
    expect(headers).toMatchObject({ 'webhook-attempt': '7/8' });
    expect(Math.abs(Number(headers['webhook-timestamp']) * 1_000 - Date.now())).toBeLessThan(HOUR_MS / 4);
    await target.close();
  });

  it('are nearer by as much as it moved, once for each event', async () => {
    const caller = aCaller({ livemode: false });
    const { target, dueInMs } = await waiting(caller);
    const event = moved(caller, 10.25, 10);
    await service.tell([event]);
    await eventually(async () => expect(await dueInMs()).toBeLessThan(HOUR_MS / 4));
    await service.tell([event]);
    const marker = anEvent(caller, 'project.created', { project: {} });
    await service.tell([marker]);
    await eventually(async () => expect((await service.get(caller, `/events/${marker.id}`)).statusCode).toBe(200));
    expect(await dueInMs()).toBeGreaterThan(HOUR_MS / 4 - 30_000);
    await target.close();
  });

  it('do not move in live mode, nor for another organization', async () => {
    const caller = aCaller({ livemode: false });
    const others = await Promise.all([{ ...caller, livemode: true }, aCaller({ livemode: false })].map(waiting));
    const own = await waiting(caller);
    await service.tell([moved(caller, 1)]);
    await eventually(() => expect(own.target.arrivals).toHaveLength(2));
    for (const { dueInMs, target } of others) {
      expect(await dueInMs()).toBeGreaterThan(HOUR_MS / 2 - 30_000);
      expect(target.arrivals).toHaveLength(1);
      await target.close();
    }
    await own.target.close();
  });
});
