import type { Admin } from 'kafkajs';
import { pause } from '../pause';

/** How many consumers of a group can share the work. Changing it moves keys to other partitions and so breaks their order. */
const PARTITIONS = 6;

/** What each topic says of itself, whatever the brokers' defaults are. */
const CONFIGURATION = [
  // The longest message, its envelope and a dead letter's headers, as one record batch.
  { name: 'max.message.bytes', value: '1048588' },
  // A group added later reads from the start, so the start must stay. Whoever runs the cluster may decide otherwise.
  { name: 'retention.ms', value: '-1' },
];

const USABLE_WITHIN_MS = 10_000;
const USABLE_CHECK_MS = 20;

/** Makes topics that are missing, once; knows which ones it need not ask about again. */
export class Topics {
  private readonly known = new Set<string>();

  constructor(private readonly admin: Admin) {}

  async ensure(topics: readonly string[]): Promise<void> {
    const unknown = topics.filter((topic) => !this.known.has(topic));
    if (unknown.length === 0) return;
    await this.admin.connect();
    const present = new Set(await this.admin.listTopics());
    const missing = unknown.filter((topic) => !present.has(topic));
    if (missing.length > 0) {
      // Another process may make them at the same moment: then this resolves with false.
      await this.admin.createTopics({
        waitForLeaders: false,
        topics: missing.map((topic) => ({ topic, numPartitions: PARTITIONS, configEntries: CONFIGURATION })),
      });
      await this.untilUsable(missing);
    }
    for (const topic of unknown) this.known.add(topic);
  }

  /** A topic is made before every broker knows of it. (kafkajs can wait for leaders itself, but gives up on the first "unknown topic".) */
  private async untilUsable(topics: string[]): Promise<void> {
    const giveUp = AbortSignal.timeout(USABLE_WITHIN_MS);
    while (!(await this.areUsable(topics))) {
      if (giveUp.aborted) throw new Error(`The brokers made the topics ${topics.join(', ')} but do not serve them`);
      await pause(USABLE_CHECK_MS, giveUp);
    }
  }

  private async areUsable(topics: string[]): Promise<boolean> {
    const metadata = await this.admin.fetchTopicMetadata({ topics }).catch(() => null);
    return metadata !== null && metadata.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
  }
}
