import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Tenant } from '../caller';
import type { Position } from '../caught-up';
import type { ServiceConfig } from '../config';
import { Problem } from '../problems';
import type { FactFate } from './fact-fates';
import type { PublishedFacts } from './published';

const ASK_AGAIN_MS = 100;

/** A read takes at most this long: a caller who waits for two services must not wait for ever on one. */
const READ_MS = 5_000;

/** Whoever is asked what it does not know handles first what it still has to. */
const UNKNOWN_MS = 60_000;

/** Asks other services over HTTP: how far they have published (see PublishedController), and what they answer on a caller's behalf. */
export class Peers {
  private readonly pools = new Map<string, Pool>();

  constructor(config: ServiceConfig) {
    const urls = { projects: config.projectsUrl, tasks: config.tasksUrl, webhooks: config.webhooksUrl };
    for (const [service, url] of Object.entries(urls)) if (url !== null) this.pools.set(service, openHttp(url, 4));
  }

  /**
   * Resolves with true once the service has published what the tenant had up to the position, with false when it cannot have told such a position.
   * A service that is away is asked again until the signal ends it.
   */
  async publishedThrough(service: string, tenant: Tenant, position: Position, signal: AbortSignal): Promise<boolean> {
    const pool = this.poolOf(service);
    while (!signal.aborted) {
      const answer = await ask(pool, tenant, position, signal).catch(() => undefined);
      if (answer === true) return true;
      if (answer === null) return false;
      if (answer === undefined) await delay(ASK_AGAIN_MS, undefined, { signal });
    }
    throw signal.reason;
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

  private poolOf(service: string): Pool {
    const pool = this.pools.get(service);
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
    await Promise.all([...this.pools.values()].map((pool) => pool.close()));
  }
}

async function ask(
  pool: Pool,
  { organizationId, livemode }: Tenant,
  { epoch, at }: Position,
  signal: AbortSignal,
): Promise<boolean | null> {
  const query = new URLSearchParams({
    organization_id: organizationId,
    livemode: String(livemode),
    epoch: epoch ?? '',
    at: at.toString(),
    wait: '1000',
  });
  const { body } = await pool.request({ method: 'GET', path: `/internal/published?${query.toString()}`, signal });
  return ((await body.json()) as { published: boolean | null }).published;
}

/** A keep-alive pool to `http://host:port` or `unix:/path.sock`. */
export function openHttp(url: string, connections: number): Pool {
  return url.startsWith('unix:')
    ? new Pool('http://localhost', { connections, socketPath: url.slice('unix:'.length) })
    : new Pool(url, { connections });
}
