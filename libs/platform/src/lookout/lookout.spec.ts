import { eventually } from '../testing';
import { Lookout } from '.';

/** A lookout whose looks end when the spec says so, with the time that it says. */
function watched() {
  const ends: ((nextInMs: number | null) => void)[] = [];
  const lookout = new Lookout(() => new Promise((done) => ends.push(done)));
  return { lookout, ends, looks: (count: number) => eventually(() => expect(ends).toHaveLength(count)) };
}

describe('a lookout', () => {
  it('looks once more for all who wake it while it looks', async () => {
    const { lookout, ends, looks } = watched();
    lookout.wake();
    expect(ends).toHaveLength(0);
    lookout.start();
    for (let times = 0; times < 3; times++) lookout.wake();
    expect(ends).toHaveLength(1);
    ends[0]!(null);
    await looks(2);
    ends[1]!(null);
    await lookout.stop();
    expect(ends).toHaveLength(2);
  });

  it('looks again when the time has come, or when it is woken before', async () => {
    const { lookout, ends, looks } = watched();
    lookout.start();
    ends[0]!(1);
    await looks(2);
    ends[1]!(3_600_000);
    await eventually(() => {
      lookout.wake();
      expect(ends).toHaveLength(3);
    });
    ends[2]!(null);
    await lookout.stop();
  });

  it('stops when the look under way has ended, and looks no more', async () => {
    const { lookout, ends } = watched();
    lookout.start();
    lookout.wake();
    let stopped = false;
    const stopping = lookout.stop().then(() => (stopped = true));
    await Promise.resolve();
    expect(stopped).toBe(false);
    ends[0]!(0);
    await stopping;
    lookout.wake();
    await new Promise(setImmediate);
    expect(ends).toHaveLength(1);
  });
});
