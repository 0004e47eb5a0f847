// What `npm run loaded -- projects` and `npm run loaded -- neighbour` run; tools/loaded.mjs starts it beside its busy loops.
import { eventually } from '@works/platform/testing';
import { Api } from '../support/api';
import { Product } from '../support/product';
import { Flood, type Flooded } from './flood';
import { Neighbour, percentile, type Times } from './neighbour';
import { liveThrough } from './project-story';

export interface Options {
  kafka: boolean;
  projects: number;
  inFlight: number;
  seconds: number;
  turns: number;
}

const SHOWN_MAX = 20;
/** A stranger may make things this much slower, and not more. */
const RATIO_MAX = 2;

const PARTS: Record<string, (product: Product, options: Options) => Promise<boolean>> = { projects, neighbour };

async function projects(product: Product, { projects, inFlight }: Options): Promise<boolean> {
  const beganAt = performance.now();
  const every = Math.max(1, Math.floor(projects / 10));
  const api = new Api(product.url, product.organizations[0]!.live_key);
  const { writes, reads, violations } = await liveThrough(api, {
    projects,
    inFlight,
    tell: (done, client) => {
      if (done % every === 0)
        say(
          `${done} projects after ${secondsSince(beganAt)}: ${client.writes} writes, ${client.reads} reads, ${client.violations.length} violations`,
        );
    },
  });
  complain(violations);
  const rate = (((writes + reads) * 1_000) / (performance.now() - beganAt)).toFixed(0);
  say(
    `${projects} projects of fitout_v2, ${inFlight} in flight: ${writes} writes and ${reads} reads (${rate}/s), ${violations.length} violations`,
  );
  return violations.length === 0;
}

async function neighbour(product: Product, { seconds, turns }: Options): Promise<boolean> {
  const [flooder] = product.organizations;
  const neighbour = await Neighbour.moveIn(product);
  const [alone, beside] = [noTimes(), noTimes()];
  const floods: Flooded[] = [];
  await neighbour.live(3); // warms up
  for (let turn = 0; turn < turns; turn++) {
    add(alone, await neighbour.live(seconds));
    const flood = Flood.start(product.url, flooder!.live_key);
    add(beside, await neighbour.live(seconds));
    const flooded = await flood.stop();
    floods.push(flooded);
    const since = performance.now();
    await untilQuiet(product);
    say(
      `flood ${turn + 1}: ${flooded.tasks} tasks in ${seconds} s, ${flooded.refused} batches refused with 429; quiet ${secondsSince(since)} after`,
    );
  }
  add(alone, await neighbour.live(seconds));
  const { written, arrived, forged } = await neighbour.webhooks();
  await neighbour.moveOut();

  const ratios = (['reads', 'writes', 'webhooks'] as const).map((what) => {
    const [[before, most], [then, mostThen]] = [alone, beside].map((times) =>
      [50, 99].map((percent) => percentile(times[what], percent)),
    ) as [[number, number], [number, number]];
    const ratio = mostThen / most;
    say(`${what.padEnd(8)} p99 alone ${ms(most)}, beside ${ms(mostThen)}, ${ratio.toFixed(2)} times; p50 ${ms(before)} and ${ms(then)}`);
    return ratio;
  });
  const { violations } = neighbour.client;
  complain([...violations, ...floods.flatMap(({ others }) => others.map((answer) => `the flood was answered ${answer}`))]);
  say(`webhooks: ${arrived} of ${written} arrived, ${forged} forged; requests of the neighbour that failed: ${violations.length}`);
  const isWhole = arrived === written && forged === 0 && floods.every(({ others }) => others.length === 0);
  return violations.length === 0 && isWhole && ratios.every((ratio) => ratio <= RATIO_MAX);
}

/** The next turn begins with nothing left to do. */
async function untilQuiet(product: Product): Promise<void> {
  await eventually(async () => {
    const status = await product.works('status');
    if ([...status.matchAll(/(\d+) events/g)].some(([, behind]) => behind !== '0')) throw new Error(status);
  });
}

const noTimes = (): Times => ({ reads: [], writes: [], webhooks: [] });
const add = (to: Times, from: Times): void => {
  for (const what of ['reads', 'writes', 'webhooks'] as const) to[what].push(...from[what]);
};
const say = (line: string): void => void process.stdout.write(`  ${line}\n`);
const ms = (value: number): string => `${value.toFixed(1)} ms`;
const secondsSince = (since: number): string => `${((performance.now() - since) / 1_000).toFixed(0)} s`;

function complain(violations: readonly string[]): void {
  for (const violation of violations.slice(0, SHOWN_MAX)) say(`✗ ${violation}`);
  if (violations.length > SHOWN_MAX) say(`✗ and ${violations.length - SHOWN_MAX} more`);
}

async function run(part: string, options: Options): Promise<void> {
  const product = await Product.start(options.kafka ? 'kafka' : 'embedded');
  let isWell = false;
  try {
    isWell = await PARTS[part]!(product, options);
  } finally {
    await product.stop();
  }
  process.exit(isWell ? 0 : 1);
}

run(process.argv[3]!, JSON.parse(process.argv[4]!) as Options).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
