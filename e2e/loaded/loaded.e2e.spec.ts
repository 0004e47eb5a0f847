import { Api } from '../support/api';
import { BusyLoops } from '../support/busy-loops';
import { Product } from '../support/product';
import { Flood } from './flood';
import { Neighbour } from './neighbour';
import { liveThrough } from './project-story';

const PROJECTS = 10;
const FLOOD_SECONDS = 4;

/** Small runs of what `npm run loaded` does for longer. They judge no time: only that nobody is refused, and that nobody misses what he wrote. */
describe('on a machine that is busy with other things', () => {
  let product: Product;
  let busy: BusyLoops;
  let api: Api;

  beforeAll(async () => {
    product = await Product.start();
    api = new Api(product.url, product.organizations[0]!.live_key);
    busy = BusyLoops.start(2);
  });
  afterAll(async () => {
    busy.stop();
    await product.stop();
  });

  it('a client that retries nothing is refused nothing, and reads what it wrote wherever that can be read', async () => {
    const { writes, reads, violations } = await liveThrough(api, { projects: PROJECTS, inFlight: PROJECTS });
    expect(violations).toEqual([]);
    expect([writes, reads]).toEqual([PROJECTS * 27, PROJECTS * 30]);
  });

  it("an organization notices nothing of another's flood but the time it takes", async () => {
    const neighbour = await Neighbour.moveIn(product);
    const flood = Flood.start(product.url, product.organizations[0]!.live_key);
    const { writes, reads } = await neighbour.live(FLOOD_SECONDS);
    const { accepted, others } = await flood.stop();
    expect(neighbour.client.violations).toEqual([]);
    expect([writes.length, reads.length]).toEqual([FLOOD_SECONDS * 5, FLOOD_SECONDS * 5]);
    expect(await neighbour.webhooks()).toEqual({ written: FLOOD_SECONDS * 5, arrived: FLOOD_SECONDS * 5, forged: 0 });
    expect([accepted > 0, others]).toEqual([true, []]);
    await neighbour.moveOut();
  });
});
