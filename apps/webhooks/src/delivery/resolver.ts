import { LRUCache } from 'lru-cache';
import { resolveAddresses, type Address } from './addresses';

/** For how long an answer is taken for true; the retry that comes first asks anew. */
export const REMEMBERED_MS = 1_000;
/** Hosts that are remembered; whoever comes back later is looked up anew. */
const HOSTS_MAX = 10_000;

type Addresses = readonly [Address, ...Address[]];

interface Answer {
  /** Until when it is shared; a look-up under way is shared whenever it ends. */
  until: number;
  readonly addresses: Promise<Addresses>;
}

/**
 * Looks up and checks where names lead. Whoever asks for a name that is being looked up, or was a moment ago, gets the same answer: the system looks
 * up four names at a time, and one that nobody answers for may hold no more than one of the four, however many deliveries wait for it.
 */
export class Resolver {
  private readonly answers = new LRUCache<string, Answer>({ max: HOSTS_MAX });

  constructor(
    private readonly allowPrivate: boolean,
    private readonly look: (host: string, allowPrivate: boolean) => Promise<Addresses> = resolveAddresses,
    private readonly now: () => number = () => performance.now(),
  ) {}

  resolve(host: string): Promise<Addresses> {
    const known = this.answers.get(host);
    if (known !== undefined && this.now() < known.until) return known.addresses;
    const answer: Answer = { until: Infinity, addresses: this.look(host, this.allowPrivate) };
    this.answers.set(host, answer);
    answer.addresses.then(
      () => (answer.until = this.now() + REMEMBERED_MS),
      // A failure is nothing to go by: the next asks again.
      () => (answer.until = -Infinity),
    );
    return answer.addresses;
  }
}
