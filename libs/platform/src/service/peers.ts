import { Pool } from 'undici';
import { CALLER_HEADER, signCaller, type Caller } from '../caller';
import { formatPlace, parsePlace, type FactsQuestion, type Position, type SourceFacts } from '../caught-up';
import { deriveKey, type ServiceConfig } from '../config';
import { Problem } from '../problems';
import type { FactFate } from './fact-fates';
import type { FactsTold } from './facts.controller';
import { heard, type ProgressTold } from './progress-told';
import type { Progress, PublishedFacts } from './published';

/** A read takes at most this long: a caller who waits for two services must not wait for ever on one. */
const READ_MS = 5_000;

const CONNECTIONS = 4;
const FACING_CONNECTIONS = 16;

/** Whoever is asked what it does not know handles first what it still has to. */
const UNKNOWN_MS = 60_000;

/** Asks other services over HTTP: how far they have published (see PublishedController), and what they answer on a caller's behalf. */
export class Peers {
  private readonly pools = new Map<string, Pool>();
  /** Connections of their own for what requests wait for. */
  private readonly facing = new Map<string, Pool>();
  private readonly callerKey: Buffer;

  constructor(config: ServiceConfig) {
    const urls = { projects: config.projectsUrl, tasks: config.tasksUrl, webhooks: config.webhooksUrl };
    for (const [service, url] of Object.entries(urls)) {
      if (url === null) continue;
      this.pools.set(service, openHttp(url, CONNECTIONS));
      this.facing.set(service, openHttp(url, FACING_CONNECTIONS));
    }
    this.callerKey = deriveKey(config.secret, 'caller');
  }

  /** Facts of a caller's tenant that may not have been handled here, from the service that wrote them (see FactsController). */
  async facts(
    service: string,
    caller: Caller,
    topics: readonly string[],
    { after, through, keys, own }: FactsQuestion,
  ): Promise<SourceFacts> {
    const query = new URLSearchParams({
      through: through === 'now' ? through : through.map(formatPlace).join(','),
      topics: topics.join(','),
      ...(after !== null && { after: formatPlace(after) }),
      ...(keys !== null && { keys: keys.join(',') }),
      ...(own && { own: 'true' }),
    });
    const { body, statusCode } = await this.poolOf(service, this.facing).request({
      method: 'GET',
      path: `/internal/facts?${query.toString()}`,
      headers: { [CALLER_HEADER]: signCaller(caller, this.callerKey, Date.now()) },
      signal: AbortSignal.timeout(READ_MS),
    });
    if (statusCode !== 200) throw new Error(`${service} answered ${statusCode} instead of its facts: ${(await body.text()).slice(0, 500)}`);
    const { messages, next, standing, ...progress } = (await body.json()) as FactsTold;
    return {
      ...heard(progress),
      messages,
      next: next === null ? null : parsePlace(next),
      standing: standing.map((at) => (at === null ? null : BigInt(at))),
    };
  }

  /** How far another service's store and its relay have come. */
  async progress(service: string): Promise<Progress> {
    const { body, statusCode } = await this.poolOf(service).request({
      method: 'GET',
      path: '/internal/progress',
      signal: AbortSignal.timeout(READ_MS),
    });
    if (statusCode !== 200) throw new Error(`${service} answered ${statusCode} instead of how far it has come`);
    return heard((await body.json()) as ProgressTold);
  }

  /**
   * What another service answers to a read, with its own door, scopes and row-level security in force for the same caller. `headers` come
   * from `@PassedOn()`. Its refusals that are worth another try become ours; whatever else goes wrong is 503 unavailable.
   */
  async read<Body>(service: string, path: string, headers: Record<string, string>): Promise<Body> {
    const pool = this.poolOf(service);
    const answer = await pool.request({ method: 'GET', path, headers, signal: AbortSignal.timeout(READ_MS) }).catch(() => null);
    const body = await answer?.body.json().catch(() => null);
    if (answer?.statusCode === 200 && body != null) return body as Body;
    const refusal = body as { code?: unknown; detail?: unknown } | null | undefined;
    if (refusal?.code === 'not_caught_up') throw new Problem('not_caught_up', String(refusal.detail), {}, { 'retry-after': '1' });
    throw new Problem(
      'unavailable',
      `The part that answers ${service} is not reachable. Try again in a moment.`,
      {},
      { 'retry-after': '1' },
    );
  }

  /** The next facts after a position that another service has published; none when there are no more. */
  async publishedAfter(service: string, { epoch, at }: Pick<Position, 'epoch' | 'at'>): Promise<PublishedFacts> {
    const path = `/internal/published_facts?epoch=${epoch ?? ''}&at=${at}`;
    const { body, statusCode } = await this.poolOf(service).request({ method: 'GET', path, signal: AbortSignal.timeout(READ_MS) });
    if (statusCode !== 200) throw new Error(`${service} answered ${statusCode} instead of its facts`);
    return (await body.json()) as PublishedFacts;
  }

  /** Which of these events the organizations' log does not know, although it has handled all that the event log holds. */
  async unknownEvents(ids: readonly string[]): Promise<string[]> {
    const { body, statusCode } = await this.poolOf('webhooks').request({
      method: 'POST',
      path: '/internal/unknown_events',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ids }),
      signal: AbortSignal.timeout(UNKNOWN_MS),
    });
    if (statusCode !== 200) throw new Error(`webhooks answered ${statusCode} instead of the events that it does not know`);
    return ((await body.json()) as { data: string[] }).data;
  }

  private poolOf(service: string, pools = this.pools): Pool {
    const pool = pools.get(service);
    if (pool === undefined) throw new Error(`No address is configured for the service ${service}`);
    return pool;
  }

  /** What became of facts of another service, each with its fate (see FactFateController); at most FATES_MAX of them. */
  async factFates(service: string, ids: readonly string[]): Promise<Map<string, FactFate>> {
    const path = `/internal/fact_fates?ids=${ids.join(',')}`;
    const { body, statusCode } = await this.poolOf(service).request({ method: 'GET', path, signal: AbortSignal.timeout(READ_MS) });
    if (statusCode !== 200) throw new Error(`${service} answered ${statusCode} instead of the fates of its facts`);
    const { data } = (await body.json()) as { data: { id: string; fate: FactFate }[] };
    return new Map(data.map(({ id, fate }) => [id, fate]));
  }

  /** Has another service publish those of these facts once more that it has published. */
  async tellFactsAgain(service: string, ids: readonly string[]): Promise<void> {
    const path = `/internal/tell_facts_again?ids=${ids.join(',')}`;
    const { body, statusCode } = await this.poolOf(service).request({ method: 'POST', path, signal: AbortSignal.timeout(READ_MS) });
    await body.dump();
    if (statusCode !== 204) throw new Error(`${service} answered ${statusCode} instead of publishing again`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.pools.values(), ...this.facing.values()].map((pool) => pool.close()));
  }
}

/** A keep-alive pool to `http://host:port` or `unix:/path.sock`. */
export function openHttp(url: string, connections: number): Pool {
  return url.startsWith('unix:')
    ? new Pool('http://localhost', { connections, socketPath: url.slice('unix:'.length) })
    : new Pool(url, { connections });
}
