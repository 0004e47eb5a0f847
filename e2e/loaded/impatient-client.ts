import type { Api } from '../support/api';
import type { Reply } from '../support/reply';

export type Resource = Record<string, any>;

/** Thrown when a request of a story was not answered as it must be: what would follow from it cannot be asked for. */
export class StoryEnded extends Error {}

/** Asks once and takes the answer for what it is: it retries nothing, and waits for nothing. What should not have been is kept, with the request. */
export class ImpatientClient {
  writes = 0;
  reads = 0;
  readonly violations: string[] = [];

  constructor(private readonly api: Api) {}

  /** The answer to a write, which has to be 2xx: stories ask only for what the rules allow. */
  async write(path: string, body: object = {}): Promise<Reply> {
    this.writes++;
    const reply = await this.api.post(path, body).catch((error: unknown) => error as Error);
    if (!(reply instanceof Error) && reply.status < 300) return reply;
    this.violated(`POST ${path} ${JSON.stringify(body)}`, reply instanceof Error ? reply.message : `${reply.status} ${reply.text}`);
    throw new StoryEnded();
  }

  /** Reads what this client has changed; `fault` says what of that is missing in the answer, null when nothing is. */
  async read(path: string, fault: (body: Resource) => string | null): Promise<void> {
    this.reads++;
    const reply = await this.api.get(path).catch((error: unknown) => error as Error);
    if (reply instanceof Error) return this.violated(`GET ${path}`, reply.message);
    if (reply.status !== 200) return this.violated(`GET ${path}`, `${reply.status} ${reply.text}`);
    const missing = fault(reply.body);
    if (missing !== null) this.violated(`GET ${path}`, `${missing} (Works-As-Of: ${reply.headers.get('works-as-of') ?? 'none'})`);
  }

  private violated(request: string, what: string): void {
    this.violations.push(`${request}\n    ${what.slice(0, 1_000)}`);
  }
}
