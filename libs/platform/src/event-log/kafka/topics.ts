import type { Admin } from 'kafkajs';

/** How many consumers of a group can share the work. Changing it moves keys to other partitions and so breaks their order. */
const PARTITIONS = 6;

/** What each topic says of itself, whatever the brokers' defaults are. */
const CONFIGURATION = [
  // The longest message, its envelope and a dead letter's headers, as one record batch.
  { name: 'max.message.bytes', value: '1048588' },
  // A group added later reads from the start, so the start must stay. Whoever runs the cluster may decide otherwise.
  { name: 'retention.ms', value: '-1' },
];

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
        waitForLeaders: true,
        topics: missing.map((topic) => ({ topic, numPartitions: PARTITIONS, configEntries: CONFIGURATION })),
      });
    }
    for (const topic of unknown) this.known.add(topic);
  }
}
