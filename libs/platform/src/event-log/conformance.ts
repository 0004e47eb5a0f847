import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { newId } from '../ids';
import { eventually } from '../testing';
import type { ConsumerJob } from './conformance-consumer';
import type { EventLog, LogMessage, ReceivedMessage, SubscribeOptions, Subscription } from './event-log';
import { MessageTooLarge } from './message-size';
import { openEventLog, type EventLogConfig } from './open-event-log';

/** A real server under the log, which the suite may kill. */
export interface LogServer {
  readonly config: EventLogConfig;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** On the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** What every event log promises. Both adapters run exactly this, each on the real thing. */
export function describeEventLog(name: string, startServer: () => Promise<LogServer>): void {
  describe(name, () => {
    let server: LogServer;
    const closing: Promise<void>[] = [];
    let logs: EventLog[];
    let children: ChildProcess[];
    let topic: string;
    let group: string;
    let log: EventLog;

    beforeAll(async () => {
      server = await startServer();
    });

    afterAll(async () => {
      await Promise.all(closing);
      await server.stop();
    });

    beforeEach(async () => {
      logs = [];
      children = [];
      topic = newId('topic');
      group = newId('group');
      log = await openLog();
      await log.ensureTopics([topic]);
    });

    afterEach(() => {
      for (const child of children) child.kill('SIGKILL');
      // Each test has its own topics and groups, so the next one need not wait until this one's consumers have left theirs.
      closing.push(...logs.map((opened) => opened.close()));
    });

    /** An instance of its own, as another process would have. */
    const openLog = async (): Promise<EventLog> => {
      const opened = await openEventLog(server.config);
      logs.push(opened);
      return opened;
    };

    const message = (value: string, overrides: Partial<LogMessage> = {}): LogMessage => ({
      topic,
      key: value,
      value,
      headers: {},
      ...overrides,
    });

    const values = (count: number, prefix = 'v'): string[] => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

    const publish = (wanted: readonly string[]): Promise<void> => log.publish(wanted.map((value) => message(value)));

    /** Retries fast: the waits are on trial where they are named. */
    const subscribe = (handle: SubscribeOptions['handle'], overrides: Partial<SubscribeOptions> = {}, on = log): Promise<Subscription> =>
      on.subscribe({
        group,
        topics: [topic],
        handle,
        isOutage: () => false,
        retry: { delaysMs: [5, 10], outageDelayMs: 20 },
        ...overrides,
      });

    /** Collects what a consumer handles. */
    const collect = async (overrides: Partial<SubscribeOptions> = {}, on = log): Promise<ReceivedMessage[]> => {
      const handled: ReceivedMessage[] = [];
      await subscribe(async (messages) => void handled.push(...messages), overrides, on);
      return handled;
    };

    const consumerProcess = (then: ConsumerJob['then']): { child: ChildProcess; handled: string[] } => {
      const job: ConsumerJob = { config: server.config, group, topics: [topic], then };
      const child = fork(
        join(__dirname, '../testing/run-typescript.cjs'),
        [join(__dirname, 'conformance-consumer.ts'), JSON.stringify(job)],
        { execArgv: [] },
      );
      children.push(child);
      const handled: string[] = [];
      child.on('message', (value) => handled.push(value as string));
      return { child, handled };
    };

    const kill = async (child: ChildProcess): Promise<void> => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    };

    const valuesOf = (messages: readonly ReceivedMessage[]): string[] => messages.map(({ value }) => value);
    const sorted = (list: Iterable<string>): string[] => [...list].sort();

    describe('delivery', () => {
      it('gives a group only the keys that it asked for, and is caught up past the others', async () => {
        const handled: ReceivedMessage[] = [];
        const subscription = await subscribe((messages) => Promise.resolve(void handled.push(...messages)), {
          keyPrefixes: ['prj_', 'clk_'],
        });
        await log.publish(
          [...values(3, 'prj_'), ...values(40, 'tsk_'), ...values(2, 'clk_later'), ...values(40, 'tsk_later')].map((value) =>
            message(value),
          ),
        );
        await subscription.caughtUp();
        expect(handled.map(({ value }) => value).sort()).toEqual([...values(3, 'prj_'), ...values(2, 'clk_later')].sort());
        expect(await subscription.lag()).toBe(0);
      });

      it('hands on topic, key, value and headers as they were given', async () => {
        const handled = await collect();
        const headers = { ce_type: 'task.completed', traceparent: '00-1-2-01', 'content-type': 'application/json' };
        await log.publish([message('{"name":"Möbel „₹“ 😀"}', { key: 'prj_1', headers })]);
        await eventually(() => expect(handled).toMatchObject([{ topic, key: 'prj_1', value: '{"name":"Möbel „₹“ 😀"}', headers }]));
      });

      // Events of one aggregate would otherwise be applied in another order than they happened.
      it('keeps the order of each key, over many publishes', async () => {
        const handled = await collect({ batchMax: 7 });
        const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
        for (let round = 0; round < 25; round++) {
          await log.publish(keys.flatMap((key) => [message(`${key}${2 * round}`, { key }), message(`${key}${2 * round + 1}`, { key })]));
        }
        await eventually(() => expect(handled).toHaveLength(keys.length * 50));
        for (const key of keys) expect(valuesOf(handled.filter((one) => one.key === key))).toEqual(values(50, key));
      });

      it('keeps the order of each key when several publish at once', async () => {
        const handled = await collect();
        const publishers = await Promise.all(values(4, 'p').map(async (key) => ({ key, log: await openLog() })));
        await Promise.all(
          publishers.map(async (publisher) => {
            for (const value of values(40, publisher.key)) await publisher.log.publish([message(value, { key: publisher.key })]);
          }),
        );
        await eventually(() => expect(handled).toHaveLength(160));
        for (const { key } of publishers) expect(valuesOf(handled.filter((one) => one.key === key))).toEqual(values(40, key));
      });

      it('gives offsets that grow within a partition', async () => {
        const handled = await collect();
        await publish(values(100));
        await eventually(() => expect(handled).toHaveLength(100));
        const last = new Map<number, bigint>();
        for (const { partition, offset } of handled) {
          expect(BigInt(offset)).toBeGreaterThan(last.get(partition) ?? -1n);
          last.set(partition, BigInt(offset));
        }
        expect(last.size).toBeGreaterThan(1);
      });

      it('hands over at most as many messages at once as was asked for', async () => {
        const sizes: number[] = [];
        await publish(values(300));
        await subscribe(async (messages) => void sizes.push(messages.length), { batchMax: 20 });
        await eventually(() => expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(300));
        expect(Math.max(...sizes)).toBe(20);
      });

      it('works on several partitions at a time', async () => {
        let atOnce = 0;
        const released = openable();
        await publish(values(100));
        await subscribe(async () => {
          atOnce += 1;
          await released.opened;
        });
        await eventually(() => expect(atOnce).toBeGreaterThan(1));
        released.open();
      });

      it('takes a batch of 10,000', async () => {
        const handled = new Set<string>();
        await subscribe(async (messages) => messages.forEach(({ value }) => handled.add(value)));
        await publish(values(10_000));
        await eventually(() => expect(handled.size).toBe(10_000));
      });

      it('takes an event of 900 kB, also in company', async () => {
        const handled = await collect();
        const large = JSON.stringify({ text: 'x'.repeat(900_000) });
        await log.publish([message(large, { key: 'a' }), message('small', { key: 'a' }), message(large, { key: 'a' })]);
        await eventually(() => expect(valuesOf(handled).map((value) => value.length)).toEqual([large.length, 5, large.length]));
      });

      // The writer must be able to refuse before it stores: what is stored could never be published.
      it('refuses an event over its limit, counted in bytes, and takes one of just the limit', async () => {
        const handled = await collect();
        const over = '₹'.repeat(Math.ceil((log.valueBytesMax + 1) / 3));
        await expect(log.publish([message('before'), message(over, { key: 'k' })])).rejects.toBeInstanceOf(MessageTooLarge);
        await log.publish([message('y'.repeat(log.valueBytesMax), { key: 'k' })]);
        await eventually(() => expect(valuesOf(handled).map((value) => value.length)).toEqual([log.valueBytesMax]));
      });
    });

    describe('groups', () => {
      it('reads a topic from the start for a group that came later, and gives each group everything', async () => {
        const first = await collect();
        await publish(values(20));
        await eventually(() => expect(first).toHaveLength(20));
        const later = await collect({ group: newId('group') });
        await eventually(() => expect(sorted(valuesOf(later))).toEqual(sorted(values(20))));
        expect(first).toHaveLength(20);
      });

      it('reads a topic that is new to a group from the start, and the others from where the group was', async () => {
        const added = newId('topic');
        await log.ensureTopics([added]);
        const before: string[] = [];
        const subscription = await subscribe(async (messages) => void before.push(...valuesOf(messages)));
        await publish(['known']);
        await log.publish([message('old', { topic: added })]);
        await eventually(() => expect(before).toEqual(['known']));
        await subscription.stop();
        const after = await collect({ topics: [topic, added] });
        await eventually(() => expect(valuesOf(after)).toEqual(['old']));
      });

      it('goes on where the group was when a consumer starts again', async () => {
        const before: string[] = [];
        const subscription = await subscribe(async (messages) => void before.push(...valuesOf(messages)));
        await publish(values(10));
        await eventually(() => expect(before).toHaveLength(10));
        await subscription.stop();
        await publish(['after']);
        const after = await collect({}, await openLog());
        await eventually(() => expect(valuesOf(after)).toEqual(['after']));
      });

      it('shares the partitions between two instances, without giving a message to both', async () => {
        const first = await collect();
        const second = await collect({}, await openLog());
        let sent = 0;
        // Until the second instance has its share; then both have some, and nobody has had anything twice.
        await eventually(async () => {
          await publish(values(20, `${sent++}-`));
          expect(second.length).toBeGreaterThan(0);
        });
        const alreadyFirst = first.length;
        await publish(values(60, 'shared'));
        sent += 3;
        await eventually(() => expect(new Set(valuesOf([...first, ...second])).size).toBe(sent * 20));
        expect(first.length).toBeGreaterThan(alreadyFirst);
        const shared = valuesOf([...first, ...second]).filter((value) => value.startsWith('shared'));
        expect(sorted(shared)).toEqual(sorted(values(60, 'shared')));
      });
    });

    describe('failures', () => {
      it('retries a failing handler with growing waits, and the partition waits with it', async () => {
        const tries: number[] = [];
        const handled: string[] = [];
        await subscribe(
          async (messages) => {
            const isWeak = messages.some(({ value }) => value === 'weak');
            // A batch that fails is no try of anything in it.
            if (isWeak && (messages.length > 1 || tries.push(performance.now()) < 4)) throw new Error('not yet');
            handled.push(...valuesOf(messages));
          },
          { retry: { delaysMs: [50, 150, 300], outageDelayMs: 20 } },
        );
        await log.publish([message('weak', { key: 'a' })]);
        await log.publish([message('next', { key: 'a' })]);
        await eventually(() => expect(handled).toEqual(['weak', 'next']));
        const [first = 0, second = 0, third = 0, fourth = 0] = tries;
        expect(second - first).toBeGreaterThanOrEqual(49);
        expect(third - second).toBeGreaterThanOrEqual(149);
        expect(fourth - third).toBeGreaterThanOrEqual(299);
      });

      it('tries the messages of a failed batch one at a time: only the one that fails is retried', async () => {
        const alone: string[] = [];
        await publish([]);
        await log.publish(['a', 'b', 'bad', 'c'].map((value) => message(value, { key: 'k' })));
        const handled: string[] = [];
        await subscribe(async (messages) => {
          if (messages.length === 1) alone.push(messages[0]!.value);
          if (messages.some(({ value }) => value === 'bad')) throw new Error('broken');
          handled.push(...valuesOf(messages));
        });
        await eventually(() => expect(handled).toEqual(['a', 'b', 'c']));
        expect(alone).toEqual(['a', 'b', 'bad', 'bad', 'bad', 'c']);
      });

      it('makes a dead letter of a message that keeps failing, with its error and where it was, and moves on', async () => {
        const handled: string[] = [];
        const dead = await collect({ group: newId('group'), topics: [`${topic}.dead`] });
        await subscribe(async (messages) => {
          for (const { value } of messages) if (value === 'bad') throw new TypeError('no such task');
          handled.push(...valuesOf(messages));
        });
        await log.publish([message('bad', { key: 'a', headers: { ce_id: 'evt_1' } }), message('good', { key: 'a' })]);
        await eventually(() => expect(handled).toEqual(['good']));
        await eventually(() => expect(dead).toHaveLength(1));
        expect(dead[0]).toMatchObject({
          topic: `${topic}.dead`,
          key: 'a',
          value: 'bad',
          headers: {
            ce_id: 'evt_1',
            'dead-error': 'TypeError: no such task',
            'dead-group': group,
            'dead-topic': topic,
            'dead-partition': expect.stringMatching(/^\d$/),
            'dead-offset': expect.stringMatching(/^\d+$/),
            'dead-tries': '3',
          },
        });
      });

      it('does not hand a dead letter to the group again when it starts anew', async () => {
        const tries: string[] = [];
        const subscription = await subscribe(async (messages) => {
          tries.push(...valuesOf(messages));
          throw new Error('broken');
        });
        await publish(['bad']);
        await eventually(() => expect(tries).toHaveLength(3));
        await subscription.caughtUp();
        await subscription.stop();
        const after = await collect({}, await openLog());
        await publish(['next']);
        await eventually(() => expect(valuesOf(after)).toEqual(['next']));
      });

      // The database being away is no fault of the event: not one may end up among the dead letters.
      it('waits out an outage, however many tries that takes, without a dead letter', async () => {
        const outage = new Error('the database is away');
        let tries = 0;
        const handled: string[] = [];
        const sizes = new Set<number>();
        await log.publish(['a', 'b', 'c'].map((value) => message(value, { key: 'k' })));
        const dead = await collect({ group: newId('group'), topics: [`${topic}.dead`] });
        const subscription = await subscribe(
          async (messages) => {
            sizes.add(messages.length);
            if (tries++ < 30) throw outage;
            handled.push(...valuesOf(messages));
          },
          { isOutage: (error) => error === outage },
        );
        await eventually(() => expect(handled).toEqual(['a', 'b', 'c']));
        await subscription.caughtUp();
        expect(dead).toEqual([]);
        // Nothing is wrong with any of them, so they are not taken apart.
        expect([...sizes]).toEqual([3]);
      });

      it('counts an outage that begins between two tries as no try', async () => {
        const outage = new Error('the database is away');
        // Three tries are allowed: two fail by themselves, the third succeeds, with an outage before each.
        const outcomes = [...Array<Error>(5).fill(outage), new Error('one'), ...Array<Error>(5).fill(outage), new Error('two'), outage];
        const handled: string[] = [];
        const dead = await collect({ group: newId('group'), topics: [`${topic}.dead`] });
        const subscription = await subscribe(
          async (messages) => {
            const outcome = outcomes.shift();
            if (outcome) throw outcome;
            handled.push(...valuesOf(messages));
          },
          { isOutage: (error) => error === outage },
        );
        await publish(['weak']);
        await eventually(() => expect(handled).toEqual(['weak']));
        await subscription.caughtUp();
        expect(dead).toEqual([]);
      });

      it('lets other partitions go on while one retries', async () => {
        const handled: string[] = [];
        await subscribe(
          async (messages) => {
            if (messages.some(({ key }) => key === 'stuck')) throw new Error('broken');
            handled.push(...valuesOf(messages));
          },
          { retry: { delaysMs: [3_600_000], outageDelayMs: 20 } },
        );
        await log.publish([message('bad', { key: 'stuck' })]);
        await log.publish(values(40).map((value) => message(value)));
        // One partition of six waits for its poison; the others have most of the rest.
        await eventually(() => expect(handled.length).toBeGreaterThan(20));
        await log.publish(values(40, 'w').map((value) => message(value)));
        await eventually(() => expect(handled.length).toBeGreaterThan(40));
      });
    });

    describe('crashes', () => {
      // The offset may move only after the effect: a consumer that dies between the two must see the message again.
      it('repeats what a killed consumer had handled but not committed', async () => {
        const { child, handled } = consumerProcess('hang');
        await publish(['once more']);
        await eventually(() => expect(handled).toEqual(['once more']));
        await kill(child);
        const after = await collect();
        await eventually(() => expect(valuesOf(after)).toEqual(['once more']));
      });

      it("takes over a killed consumer's partitions", async () => {
        const { child, handled } = consumerProcess('go-on');
        let sent = 0;
        await eventually(async () => {
          await publish([`before${sent++}`]);
          expect(handled.length).toBeGreaterThan(0);
        });
        const survivor = await collect();
        await eventually(async () => {
          await publish(values(12, `both${sent++}-`));
          expect(survivor.length).toBeGreaterThan(0);
        });
        await kill(child);
        await publish(values(60, 'after'));
        await eventually(() => expect(valuesOf(survivor)).toEqual(expect.arrayContaining(values(60, 'after'))));
      });

      it('loses nothing and goes on by itself when the server is killed and comes back', async () => {
        const handled: string[] = [];
        const subscription = await subscribe(async (messages) => void handled.push(...valuesOf(messages)));
        await publish(values(10, 'before'));
        await eventually(() => expect(handled).toHaveLength(10));
        await server.kill();
        // As the relay does: it publishes the same batch until the log has taken it.
        const published = (async () => {
          for (;;) {
            const taken = await publish(values(10, 'during')).then(
              () => true,
              () => false,
            );
            if (taken) return;
          }
        })();
        const caughtUp = subscription.caughtUp();
        await server.restart();
        await published;
        await caughtUp;
        await publish(values(10, 'after'));
        await eventually(() =>
          expect(new Set(handled)).toEqual(new Set([...values(10, 'before'), ...values(10, 'during'), ...values(10, 'after')])),
        );
        await subscription.caughtUp();
        // A server that has just come back may not know its groups yet, and then refuses to be asked.
        await eventually(async () => expect(await subscription.lag()).toBe(0));
      });
    });

    describe('knowing how far a group is', () => {
      it('is caught up once everything that was published before is handled, and waits no longer than that', async () => {
        const handled = new Set<string>();
        const gate = openable();
        const subscription = await subscribe(async (messages) => {
          await gate.opened;
          if (messages.some(({ value }) => value === 'later')) await new Promise(() => undefined);
          messages.forEach(({ value }) => handled.add(value));
        });
        await publish(values(30));
        let isCaughtUp = false;
        const caughtUp = subscription.caughtUp().then(() => (isCaughtUp = true));
        await eventually(async () => expect(await subscription.lag()).toBe(30));
        expect(isCaughtUp).toBe(false);
        gate.open();
        await caughtUp;
        expect(handled.size).toBe(30);
      });

      it('is caught up at once when there is nothing', async () => {
        const subscription = await subscribe(() => Promise.resolve());
        await subscription.caughtUp();
        expect(await subscription.lag()).toBe(0);
      });

      it('lets nobody wait for a subscription that has stopped', async () => {
        const subscription = await subscribe(() => Promise.reject(new Error('broken')), {
          retry: { delaysMs: [3_600_000], outageDelayMs: 20 },
        });
        await publish(['stuck']);
        const caughtUp = expect(subscription.caughtUp()).rejects.toThrow('stopped');
        await subscription.stop();
        await caughtUp;
      });

      it('knows what other instances of the group have handled', async () => {
        const handled: string[] = [];
        const first = await subscribe(async (messages) => void handled.push(...valuesOf(messages)));
        await publish(values(10));
        await first.caughtUp();
        const second = await subscribe(async (messages) => void handled.push(...valuesOf(messages)), {}, await openLog());
        await second.caughtUp();
        await publish(values(50, 'w'));
        await Promise.all([first.caughtUp(), second.caughtUp()]);
        expect(new Set(handled).size).toBe(60);
      });

      it('finishes what it has in hand before it stops, and starts nothing new', async () => {
        const handled: string[] = [];
        const begun = openable();
        const gate = openable();
        const subscription = await subscribe(
          async (messages) => {
            begun.open();
            await gate.opened;
            handled.push(...valuesOf(messages));
          },
          { batchMax: 1 },
        );
        await log.publish([message('in hand', { key: 'k' }), message('not begun', { key: 'k' })]);
        await begun.opened;
        const stopped = subscription.stop();
        gate.open();
        await stopped;
        expect(handled).toEqual(['in hand']);
        const after = await collect({}, await openLog());
        await eventually(() => expect(valuesOf(after)).toEqual(['not begun']));
      });
    });
  });
}

/** Something to wait for that a test lets happen. */
function openable(): { opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
