import { eventually } from './eventually';

describe('eventually', () => {
  const failing = (say: (turn: number) => string, until = Infinity) => {
    let turn = 0;
    return () => {
      if (++turn > until) return turn;
      throw new Error(say(turn));
    };
  };

  it('waits for what makes progress for longer than it waits for what does not', async () => {
    const slow = failing((turn) => `${turn} of 40`, 40);
    // Each turn takes at least 5 ms: 40 of them take five times as long as being stuck may.
    expect(await eventually(slow, { stuckAfterMs: 40 })).toBe(41);
  });

  it('gives up, with the last error, what says the same again and again', async () => {
    await expect(
      eventually(
        failing(() => 'still nothing'),
        { stuckAfterMs: 40 },
      ),
    ).rejects.toThrow('still nothing');
  });
});
