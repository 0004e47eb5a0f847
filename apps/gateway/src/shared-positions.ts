import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, Notification } from 'pg';
import type { Pool } from 'undici';
import { formatPositions, parsePositions, type Position, type PositionsByService } from '@works/platform/caught-up';
import type { Logger } from '@works/platform/logging';
import { WatchedClient } from '@works/platform/postgres';
import { readMessage, writeMessages, type PositionMessage } from './position-messages';
import type { SeenPositions } from './seen-positions';

const CHANNEL = 'works_seen_positions';

/** What is noted within this time shares a notification. */
const GATHER_MS = 10;
/** Each gateway says that it is there so often; one that has been silent for several times as long is told nothing more, until it is heard again. */
const HERE_EVERY_MS = 5_000;
const FORGOTTEN_AFTER_MS = 4 * HERE_EVERY_MS;

const CONNECT_MS = 5_000;
/** A server that says nothing for so long is gone. There is a statement every HERE_EVERY_MS at least. */
const SILENCE_MS = 8_000;
const RECONNECT_MS = [100, 200, 500, 1_000] as const;

/** How long the first request waits for services that do not answer; they are asked until they do. */
const BEGIN_MS = 2_000;
const ASK_AGAIN_MS = 250;

/** How far a service has come. */
export type AskPosition = () => Promise<Position>;

export const positionOf =
  (service: string, pool: Pool): AskPosition =>
  async () => {
    const { body } = await pool.request({ method: 'GET', path: '/internal/position', signal: AbortSignal.timeout(BEGIN_MS) });
    const { position } = (await body.json()) as { position?: string };
    const parsed = parsePositions(`${service}:${position}`, false)?.get(service)?.[0];
    if (parsed === undefined) throw new Error(`${service} did not answer with its position`);
    return parsed;
  };

export interface SharedPositionsOptions {
  /** Of the gateway's own database. */
  readonly databaseUrl: string;
  readonly positions: SeenPositions;
  readonly services: ReadonlyMap<string, AskPosition>;
  readonly logger: Logger;
}

/**
 * Shares among gateways what each key has seen, through notifications of their database. Whoever begins to listen, for the first time or again, takes
 * every key to have seen what the services are at by then, because it cannot know what it has not been told. Those that are there tell a new one in
 * addition what they have noted before they heard of it. A gateway that is alone tells nobody anything but that it is there.
 */
export class SharedPositions {
  private readonly others = new Map<string, number>();
  private readonly untold = new Map<string, PositionsByService>();
  /** Of one connection: what is told under another name comes from somebody whom nobody knows yet. */
  private name = '';
  private client: Client | null = null;
  private sending: Promise<void> = Promise.resolve();
  private gathering: NodeJS.Timeout | null = null;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  /** Whoever still asks when it begins anew leaves it to the later. */
  private beginnings = 0;
  private begun: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: SharedPositionsOptions) {
    options.positions.whenNoted((key, positions) => this.tell(key, positions));
  }

  /** Resolves once it listens and knows what the services are at, or when that takes too long; it goes on trying either way. */
  async start(): Promise<void> {
    let listening: () => void;
    const first = new Promise<void>((resolve) => (listening = resolve));
    this.running = this.keepListening(() => listening());
    await Promise.race([first.then(() => this.begun), delay(CONNECT_MS, undefined, { ref: false })]);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    if (this.gathering !== null) clearTimeout(this.gathering);
    await this.client?.end().catch(() => undefined);
    await this.running;
  }

  private get isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private async keepListening(heard: () => void): Promise<void> {
    for (let failures = 0; !this.isStopped;) {
      try {
        await this.listen(() => {
          failures = 0;
          heard();
        });
      } catch (error) {
        if (this.isStopped) return;
        if (failures === 0) this.options.logger.warn({ err: error }, 'cannot hear what other gateways have seen; it keeps trying');
        // Without the database there is still what the services say.
        if (failures === 0) this.begin();
        heard();
        await pause(RECONNECT_MS[Math.min(failures++, RECONNECT_MS.length - 1)]!, this.stopping.signal);
      }
    }
  }

  /** Rejects when the connection is lost. */
  private async listen(listening: () => void): Promise<void> {
    const client: Client = new WatchedClient({
      connectionString: this.options.databaseUrl,
      application_name: 'gateway positions',
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: SILENCE_MS,
    });
    const lost = new AbortController();
    client.on('error', (error) => lost.abort(error));
    const over = AbortSignal.any([lost.signal, this.stopping.signal]);
    client.on('notification', (notification) => this.hear(notification));
    try {
      await client.connect();
      this.name = randomBytes(6).toString('hex');
      this.others.clear();
      this.untold.clear();
      await client.query(`set synchronous_commit = off; listen ${CHANNEL}`);
      this.client = client;
      this.begin();
      await this.sayHere(this.options.positions.ofAll());
      listening();
      while (!over.aborted) {
        await pause(HERE_EVERY_MS, over);
        this.forgetTheSilent();
        await this.sayHere('');
      }
      lost.signal.throwIfAborted();
    } finally {
      this.client = null;
      await client.end().catch(() => undefined);
    }
  }

  /** Asks every service what it is at, until it has answered. */
  private begin(): void {
    const turn = ++this.beginnings;
    const asked = [...this.options.services].map(([service, ask]) => this.beginWith(service, ask, turn));
    this.begun = Promise.race([Promise.all(asked), pause(BEGIN_MS, this.stopping.signal)]);
  }

  private async beginWith(service: string, ask: AskPosition, turn: number): Promise<void> {
    while (!this.isStopped && turn === this.beginnings) {
      const position = await ask().catch(() => null);
      if (position !== null) return this.options.positions.begin(service, position);
      await pause(ASK_AGAIN_MS, this.stopping.signal);
    }
  }

  private tell(key: string, positions: PositionsByService): void {
    if (this.others.size === 0 || this.client === null) return;
    this.untold.set(key, positions);
    this.gathering ??= setTimeout(() => void this.flush(), GATHER_MS).unref();
  }

  private async flush(): Promise<void> {
    const keys = new Map([...this.untold].map(([key, positions]) => [key, formatPositions(positions)] as const));
    this.untold.clear();
    await this.send({ kind: 'seen', from: this.name, keys });
    this.gathering = null;
    // One statement at a time: what comes meanwhile is gathered.
    if (this.untold.size > 0 && this.client !== null && !this.isStopped)
      this.gathering = setTimeout(() => void this.flush(), GATHER_MS).unref();
  }

  private async sayHere(positions: string): Promise<void> {
    await this.send({ kind: 'here', from: this.name, positions });
  }

  /** Outside any write's transaction, one statement at a time. What cannot be sent the others learn when this gateway listens again, or takes its place. */
  private send(message: PositionMessage): Promise<void> {
    const { client } = this;
    const statement = {
      name: 'works_tell_positions',
      text: `select pg_notify('${CHANNEL}', p.payload) from unnest($1::text[]) as p(payload)`,
      values: [writeMessages(message)],
    };
    this.sending = this.sending
      .then(() => client?.query(statement))
      .then(
        () => undefined,
        () => undefined,
      );
    return this.sending;
  }

  private hear({ payload }: Notification): void {
    const message = readMessage(payload ?? '');
    if (message === null || message.from === this.name) return;
    const { positions } = this.options;
    const isNew = !this.others.has(message.from);
    this.others.set(message.from, performance.now());
    if (message.kind === 'here') positions.raise(message.positions);
    else for (const [key, seen] of message.keys) positions.hear(key, seen);
    // What was noted before now, it has not been told.
    if (isNew) void this.sayHere(positions.ofAll());
  }

  private forgetTheSilent(): void {
    const before = performance.now() - FORGOTTEN_AFTER_MS;
    for (const [name, heardAt] of this.others) if (heardAt < before) this.others.delete(name);
  }
}

/** Ends early with the signal. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { ref: false, signal }).catch(() => undefined);
}
