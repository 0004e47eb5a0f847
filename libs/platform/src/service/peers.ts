import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import type { ServiceConfig } from '../config';

const ASK_AGAIN_MS = 100;

/** Asks another service how far it has published, over HTTP; see PublishedController. */
export class Peers {
  private readonly pools = new Map<string, Pool>();

  constructor(config: ServiceConfig) {
    const urls = { projects: config.projectsUrl, tasks: config.tasksUrl, webhooks: config.webhooksUrl };
    for (const [service, url] of Object.entries(urls)) if (url !== null) this.pools.set(service, openHttp(url, 4));
  }

  /** Resolves once the service has published through the position; a service that is away is asked again until the signal ends it. */
  async publishedThrough(service: string, position: bigint, signal: AbortSignal): Promise<bigint> {
    const pool = this.pools.get(service);
    if (pool === undefined) throw new Error(`No address is configured for the service ${service}`);
    while (!signal.aborted) {
      const published = await ask(pool, position, signal).catch(() => null);
      if (published === true) return position;
      if (published === null) await delay(ASK_AGAIN_MS, undefined, { signal });
    }
    throw signal.reason;
  }

  async close(): Promise<void> {
    await Promise.all([...this.pools.values()].map((pool) => pool.close()));
  }
}

async function ask(pool: Pool, position: bigint, signal: AbortSignal): Promise<boolean> {
  const { body } = await pool.request({ method: 'GET', path: `/internal/published?through=${position}&wait=1000`, signal });
  return ((await body.json()) as { published: boolean }).published;
}

/** A keep-alive pool to `http://host:port` or `unix:/path.sock`. */
export function openHttp(url: string, connections: number): Pool {
  return url.startsWith('unix:')
    ? new Pool('http://localhost', { connections, socketPath: url.slice('unix:'.length) })
    : new Pool(url, { connections });
}
