import type { Pool } from 'pg';

/** Other workers on this database number deliveries too; they are noticed within this time. */
const LOOK_EVERY_MS = 500;

/** What a look at an endpoint found, and up to where its sequence went at that moment. */
export interface Looked {
  readonly found: boolean;
  readonly lastSequence: number;
}

interface Watcher {
  /** How far the sequence went when this one looked; Infinity while it is looking. */
  known: number;
  moved: boolean;
  wake: () => void;
}

/**
 * Lets readers wait until an endpoint's sequence moves on. Who waits holds no connection: one look each half second serves all of them, and what
 * is numbered in this process wakes them at once.
 */
export class SequenceWatch {
  private readonly watchers = new Map<string, Set<Watcher>>();
  private looking: NodeJS.Timeout | null = null;
  private ended = false;

  constructor(private readonly pool: Pool) {}

  /** How many wait, for the one who counts them. */
  get size(): number {
    return [...this.watchers.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Looks, and looks again whenever the sequence has moved, until something is found, the time is up, or nobody is there any more. */
  async until<T extends Looked>(endpointId: string, ms: number, gone: AbortSignal, look: () => Promise<T>): Promise<T> {
    const watcher: Watcher = { known: Infinity, moved: false, wake: () => undefined };
    const giveUpAt = performance.now() + ms;
    this.add(endpointId, watcher);
    try {
      for (;;) {
        watcher.moved = false;
        const looked = await look();
        const left = giveUpAt - performance.now();
        if (looked.found || left <= 0 || gone.aborted || this.ended) return looked;
        watcher.known = looked.lastSequence;
        // What moved while we looked may not have been seen.
        if (!watcher.moved) await wait(watcher, left, gone);
        watcher.known = Infinity;
      }
    } finally {
      this.remove(endpointId, watcher);
    }
  }

  /** Deliveries of these endpoints have been numbered, and have committed. */
  note(endpointIds: Iterable<string>): void {
    if (this.watchers.size === 0) return;
    for (const id of new Set(endpointIds)) this.wake(id, () => true);
  }

  /** Everybody is answered with what there is; who comes later does not wait. */
  end(): void {
    this.ended = true;
    this.note([...this.watchers.keys()]);
    if (this.looking !== null) clearTimeout(this.looking);
  }

  private wake(endpointId: string, concerns: (watcher: Watcher) => boolean): void {
    for (const watcher of this.watchers.get(endpointId) ?? []) {
      if (!concerns(watcher)) continue;
      watcher.moved = true;
      watcher.wake();
    }
  }

  private add(endpointId: string, watcher: Watcher): void {
    const others = this.watchers.get(endpointId);
    if (others === undefined) this.watchers.set(endpointId, new Set([watcher]));
    else others.add(watcher);
    this.lookSoon();
  }

  private remove(endpointId: string, watcher: Watcher): void {
    const others = this.watchers.get(endpointId)!;
    others.delete(watcher);
    if (others.size === 0) this.watchers.delete(endpointId);
  }

  private lookSoon(): void {
    if (this.looking !== null || this.ended) return;
    this.looking = setTimeout(() => {
      void this.look().finally(() => {
        this.looking = null;
        if (this.watchers.size > 0) this.lookSoon();
      });
    }, LOOK_EVERY_MS);
    this.looking.unref();
  }

  private async look(): Promise<void> {
    const ids = [...this.watchers.keys()];
    try {
      const { rows } = await this.pool.query<{ id: string; last_sequence: string; deleted: boolean }>({
        name: 'works_last_sequences',
        text: 'select id, last_sequence::text, deleted_at is not null as deleted from webhook_endpoints where id = any($1)',
        values: [ids],
      });
      for (const { id, last_sequence, deleted } of rows) this.wake(id, ({ known }) => deleted || Number(last_sequence) > known);
    } catch {
      // A database that is away is asked again at the next look; who waits hears of it when it looks itself.
    }
  }
}

/** Until the watcher is woken, the time is up, or the client has gone. */
function wait(watcher: Watcher, ms: number, gone: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      gone.removeEventListener('abort', end);
      watcher.wake = () => undefined;
      done();
    };
    const timer = setTimeout(end, ms);
    gone.addEventListener('abort', end, { once: true });
    watcher.wake = end;
  });
}
