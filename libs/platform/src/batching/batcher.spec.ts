import fc from 'fast-check';
import { Batcher } from './batcher';

/** Batches that end when the spec says so. */
function held() {
  const runs: { items: readonly string[]; end(): void; fail(error: Error): void }[] = [];
  const run = (items: readonly string[]) =>
    new Promise<string[]>((done, fail) => runs.push({ items, end: () => done(items.map((item) => item.toUpperCase())), fail }));
  return { runs, run };
}

const settled = () => new Promise((done) => setImmediate(done));

describe('gathering work into batches', () => {
  it('lets the first leave at once, and those that come meanwhile leave together', async () => {
    const { runs, run } = held();
    const batcher = new Batcher({ batchesMax: 1, weightMax: 10, run });
    const first = batcher.add('a');
    await settled();
    const others = [batcher.add('b'), batcher.add('c')];
    await settled();
    expect(runs.map(({ items }) => items)).toEqual([['a']]);
    runs[0]!.end();
    await settled();
    expect(runs.map(({ items }) => items)).toEqual([['a'], ['b', 'c']]);
    runs[1]!.end();
    expect(await Promise.all([first, ...others])).toEqual(['A', 'B', 'C']);
  });

  it('keeps as many batches under way as it is told', async () => {
    const { runs, run } = held();
    const batcher = new Batcher({ batchesMax: 2, weightMax: 10, run });
    for (const item of ['a', 'b', 'c', 'd']) {
      void batcher.add(item);
      await settled();
    }
    expect(runs.map(({ items }) => items)).toEqual([['a'], ['b']]);
  });

  it('fills a batch up to its weight; what is heavier goes alone', async () => {
    const { runs, run } = held();
    const batcher = new Batcher({ batchesMax: 1, weightMax: 4, weightOf: (item: string) => item.length, run });
    for (const item of ['x', 'aaa', 'b', 'cc', 'dddddd', 'e']) void batcher.add(item);
    for (let turn = 0; turn < 5; turn++) {
      await settled();
      runs[turn]?.end();
    }
    expect(runs.map(({ items }) => items)).toEqual([['x', 'aaa'], ['b', 'cc'], ['dddddd'], ['e']]);
  });

  // Guarantees that one bad item costs its neighbours time, never their outcome.
  it('answers every item with its own outcome, whatever its neighbours do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ bad: fc.boolean(), late: fc.boolean() }), { maxLength: 30 }), async (items) => {
        const batcher = new Batcher({
          batchesMax: 2,
          weightMax: 5,
          run: async (batch: readonly { bad: boolean; id: number }[]) => {
            await settled();
            if (batch.some(({ bad }) => bad)) throw new Error(`bad: ${batch.map(({ id }) => id).join()}`);
            return batch.map(({ id }) => id);
          },
        });
        const outcomes = [];
        for (const [id, { bad, late }] of items.entries()) {
          if (late) await settled();
          outcomes.push(
            batcher.add({ bad, id }).then(
              (outcome) => outcome,
              (error: Error) => error.message,
            ),
          );
        }
        expect(await Promise.all(outcomes)).toEqual(items.map(({ bad }, id) => (bad ? `bad: ${id}` : id)));
      }),
    );
  });
});
