import { openEventLog, type EventLogConfig } from './open-event-log';

/** What the conformance suite asks of a consumer that it is going to kill. */
export interface ConsumerJob {
  readonly config: EventLogConfig;
  readonly group: string;
  readonly topics: string[];
  /** `hang`: its effect happens, and the handler never returns. */
  readonly then: 'go-on' | 'hang';
}

/** A consumer in a process of its own. It tells its parent of every value that it has handled: that is its effect. */
async function consume({ config, group, topics, then }: ConsumerJob): Promise<void> {
  const log = await openEventLog(config);
  await log.subscribe({
    group,
    topics,
    isOutage: () => false,
    handle: async (messages) => {
      for (const { value } of messages) process.send!(value);
      if (then === 'hang') await new Promise(() => undefined);
    },
  });
}

void consume(JSON.parse(process.argv[3]!) as ConsumerJob);
