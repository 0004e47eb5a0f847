import type { Outcome } from './attempt';
import { Connections } from './connections';
import { Exchange } from './exchange';

describe('an exchange', () => {
  const connections = new Connections(true);
  afterAll(() => connections.close());

  /** One that has ended, and how often it said so. */
  async function ended(deadlineMs: number, happen: (exchange: Exchange) => void) {
    const outcomes: Outcome[] = [];
    const exchange = await new Promise<Exchange>((over) => {
      const begun: Exchange = new Exchange(connections, 'http://receiver.example', deadlineMs, (outcome) => {
        outcomes.push(outcome);
        over(begun);
      });
      happen(begun);
    });
    return { exchange, outcomes };
  }

  function aController() {
    const aborts: Error[] = [];
    return { aborts, aborted: false, paused: false, reason: null, abort: (reason: Error) => aborts.push(reason), pause() {}, resume() {} };
  }

  // Guarantees that what is on record as failed is not sent after all, when a name is looked up or a connection stands at last.
  it('whose deadline has come sends nothing any more', async () => {
    const { exchange, outcomes } = await ended(1, () => undefined);
    expect(outcomes[0]!.error).toMatchObject({ stage: 'dns', code: 'TimeoutError' });
    expect(exchange.resolved('192.0.2.1')).toBe(false);
    const controller = aController();
    exchange.onRequestStart(controller);
    expect(controller.aborts).toHaveLength(1);
    expect(outcomes).toHaveLength(1);
  });

  it('lets go of its connection when it has read enough, and says so once', async () => {
    const controller = aController();
    const { exchange, outcomes } = await ended(60_000, (begun) => {
      begun.resolved('192.0.2.1');
      begun.onRequestStart(controller);
      begun.onResponseStart(controller, 200, { 'x-many': ['a', 'b'] });
      for (let chunks = 0; chunks < 3; chunks++) begun.onResponseData(controller, Buffer.alloc(30_000, '\0'));
    });
    exchange.onResponseError(controller, new Error('aborted'));
    expect(outcomes).toMatchObject([
      { statusCode: 200, error: { stage: 'too_large' }, responseHeaders: { 'x-many': 'a, b' }, responseBody: '\ufffd'.repeat(4_096) },
    ]);
    expect(controller.aborts).toHaveLength(1);
  });

  it('does not take early hints for the answer', async () => {
    const controller = aController();
    const { outcomes } = await ended(60_000, (begun) => {
      begun.resolved('192.0.2.1');
      begun.onRequestStart(controller);
      begun.onResponseStart(controller, 103, { link: '</style.css>' });
      begun.onResponseStart(controller, 503, {});
      begun.onResponseEnd();
    });
    expect(outcomes).toMatchObject([{ statusCode: 503, error: { stage: 'status', code: '503' }, responseHeaders: {} }]);
    // An answer that says no has come over a connection that works.
    expect(controller.aborts).toEqual([]);
  });
});
