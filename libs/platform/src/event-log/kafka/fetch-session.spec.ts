import fc from 'fast-check';
import { FetchSession, type FetchRequest, type FetchTopic } from './fetch-session';

const TOPICS = ['task.created', 'task.completed', 'project.created'];

const wanted = (places: readonly [topic: string, partition: number, offset: number][]): FetchTopic[] =>
  TOPICS.map((topic) => ({
    topic,
    partitions: places
      .filter(([of]) => of === topic)
      .map(([, partition, offset]) => ({ partition, fetchOffset: String(offset), maxBytes: 1_048_576 })),
  })).filter(({ partitions }) => partitions.length > 0);

/** What a broker keeps of a session, as KIP-227 has it; null for what it refuses. */
function broker() {
  let session: { id: number; epoch: number; reads: Map<string, string> } | null = null;
  let ids = 0;
  return {
    forget: () => (session = null),
    get reads() {
      return Object.fromEntries([...(session?.reads ?? [])].sort());
    },
    take({ sessionId, sessionEpoch, topics, forgottenTopics }: FetchRequest): number | null {
      if (sessionEpoch === 0) session = { id: ++ids, epoch: 0, reads: new Map() };
      else if (session?.id !== sessionId || session.epoch !== sessionEpoch - 1) return null;
      session.epoch = sessionEpoch;
      for (const { topic, partitions } of forgottenTopics)
        for (const partition of partitions) session.reads.delete(`${topic}:${partition}`);
      for (const { topic, partitions } of topics)
        for (const { partition, fetchOffset } of partitions) session.reads.set(`${topic}:${partition}`, fetchOffset);
      return session.id;
    },
  };
}

const readsOf = (topics: readonly FetchTopic[]) =>
  Object.fromEntries(
    topics
      .flatMap(({ topic, partitions }) => partitions.map(({ partition, fetchOffset }) => [`${topic}:${partition}`, fetchOffset] as const))
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );

const places = fc.uniqueArray(fc.tuple(fc.constantFrom(...TOPICS), fc.nat({ max: 3 }), fc.nat({ max: 5 })), {
  selector: ([topic, partition]) => `${topic}:${partition}`,
});

describe('fetching in sessions', () => {
  it('says everything once, and then only what has changed', () => {
    const session = new FetchSession();
    const [started, untouched, left]: Parameters<typeof wanted>[0] = [
      ['task.created', 0, 0],
      ['task.created', 1, 0],
      ['task.completed', 0, 7],
    ];
    const first = session.next(wanted([started!, untouched!, left!]));
    expect(first).toMatchObject({ sessionId: 0, sessionEpoch: 0, forgottenTopics: [] });
    expect(readsOf(first.topics)).toEqual({ 'task.created:0': '0', 'task.created:1': '0', 'task.completed:0': '7' });
    session.answered(42);
    expect(session.next(wanted([['task.created', 0, 3], untouched!]))).toEqual({
      sessionId: 42,
      sessionEpoch: 1,
      topics: [{ topic: 'task.created', partitions: [{ partition: 0, fetchOffset: '3', maxBytes: 1_048_576 }] }],
      forgottenTopics: [{ topic: 'task.completed', partitions: [0] }],
    });
  });

  it('says everything each time to a broker that keeps no sessions', () => {
    const session = new FetchSession();
    for (let time = 0; time < 3; time++) {
      expect(session.next(wanted([['task.created', 0, 0]]))).toMatchObject({ sessionId: 0, sessionEpoch: 0, topics: [{}] });
      session.answered(0);
    }
  });

  // Guarantees that no partition is ever left unread or read from a place of the past, whatever is lost on the way and whatever the broker forgets.
  it('makes the broker read exactly what is wanted', () => {
    const step = fc.record({
      places,
      lost: fc.constantFrom('no', 'no', 'no', 'request', 'answer'),
      forgets: fc.constantFrom(false, false, false, true),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const session = new FetchSession();
        const theirs = broker();
        for (const { places: asked, lost, forgets } of steps) {
          if (forgets) theirs.forget();
          const topics = wanted(asked);
          let answer = lost === 'request' ? null : theirs.take(session.next(topics));
          // Refused: what follows is said in full.
          if (answer === null && lost !== 'request') answer = theirs.take(session.next(topics));
          if (lost === 'request') session.next(topics);
          if (lost !== 'no') continue;
          session.answered(answer!);
          expect(theirs.reads).toEqual(readsOf(topics));
        }
      }),
    );
  });
});
