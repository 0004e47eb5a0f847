import { LRUCache } from 'lru-cache';
import { literalOf, refusalOf } from '../domain/endpoint-address';
import { ATTEMPTS_MAX } from '../domain/schedule';
import { mayContact, RefusedAddress } from './addresses';
import type { Leased, Outcome } from './attempt';
import { Connections } from './connections';
import { Exchange } from './exchange';
import { Resolver } from './resolver';
import { signaturesOf } from './signing-secrets';

/** From the first look-up to the last byte of the answer. */
export const DEADLINE_MS = 15_000;
/** Addresses of endpoints that are remembered; whoever is forgotten is read again, in microseconds. */
const REMEMBERED_MAX = 10_000;

export interface SenderOptions {
  readonly allowPrivateAddresses: boolean;
  readonly deadlineMs?: number;
}

/** What there is to know of an endpoint's address before anybody is asked where it leads. */
interface Target {
  readonly origin: string;
  readonly host: string;
  readonly path: string;
  /** Why nothing may be sent there. */
  readonly refusal: string | null;
  /** It leads to an address in so many words, which no resolver can change. */
  readonly literal: string | null;
}

/** Makes one attempt: signs, connects to an address that was checked, sends, and says what came of it. It never throws. */
export class Sender {
  private readonly connections: Connections;
  private readonly resolver: Resolver;
  private readonly targets = new LRUCache<string, Target>({ max: REMEMBERED_MAX });

  constructor(private readonly options: SenderOptions) {
    this.connections = new Connections(options.allowPrivateAddresses);
    this.resolver = new Resolver(options.allowPrivateAddresses);
  }

  /** `secrets` are all that may sign, opened. */
  attempt(leased: Leased, secrets: string): Promise<Outcome> {
    const { deadlineMs = DEADLINE_MS } = this.options;
    return new Promise((done) => {
      const target = this.targetOf(leased.url);
      const exchange = new Exchange(this.connections, target.origin, deadlineMs, done);
      try {
        this.begin(leased, secrets, target, exchange);
      } catch (error) {
        exchange.end(error as Error);
      }
    });
  }

  close(): Promise<void> {
    return this.connections.close();
  }

  private begin(leased: Leased, secrets: string, target: Target, exchange: Exchange): void {
    if (target.refusal !== null) throw new RefusedAddress(`the address ${target.refusal}`);
    const send = (address: string) => {
      if (!exchange.resolved(address)) return;
      this.connections.request(
        {
          origin: target.origin,
          path: target.path,
          method: 'POST',
          headers: headersOf(leased, secrets, exchange.startedAt),
          body: leased.body,
        },
        exchange,
      );
    };
    if (target.literal !== null) return send(target.literal);
    this.resolver
      .resolve(target.host)
      .then((addresses) => {
        this.connections.pin(target.host, addresses);
        send(addresses[0].address);
      })
      .catch((error: unknown) => exchange.end(error as Error));
  }

  private targetOf(text: string): Target {
    const known = this.targets.get(text);
    if (known !== undefined) return known;
    const target = this.read(text);
    this.targets.set(text, target);
    return target;
  }

  private read(text: string): Target {
    const refusal = refusalOf(text, { allowPrivate: this.options.allowPrivateAddresses, mayContact });
    if (refusal !== null) return { origin: '', host: '', path: '', refusal, literal: null };
    const url = new URL(text);
    return { origin: url.origin, host: url.hostname, path: url.pathname + url.search, refusal: null, literal: literalOf(url) };
  }
}

/** Fresh for each attempt: receivers refuse timestamps that are old. */
function headersOf(leased: Leased, secrets: string, at: Date): Record<string, string> {
  const { eventId, body, sequence, attemptsMade, passed, headers } = leased;
  const own = {
    'content-type': 'application/json',
    'user-agent': 'SK-Works-Webhooks/1',
    'webhook-id': eventId,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': signaturesOf(secrets, eventId, at, body),
    'webhook-sequence': sequence,
    'webhook-attempt': `${attemptsMade + 1}/${ATTEMPTS_MAX}`,
    ...(passed !== null && { 'webhook-passed': passed }),
  };
  // Ours have the last word. Not by a spread: V8 would make a hidden class for each attempt (docs/performance.md).
  return Object.assign({}, headers, own);
}
