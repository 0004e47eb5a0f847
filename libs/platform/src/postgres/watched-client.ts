import { Socket } from 'node:net';
import { Client, type ClientConfig, type QueryResult } from 'pg';

type Answered = (error: Error | null | undefined, result: QueryResult) => void;

/**
 * After so long without a word the system asks the other end, each second, up to ten times: a connection whose machine is gone, or whose address leads
 * to another one now, ends although nobody uses it. (Left to the system, it would first wait for two hours.)
 */
const KEEP_ALIVE_MS = 2_000;

/** And the server notices within some 11 seconds that this machine has vanished, and gives its locks to others. */
const SERVER_KEEPS_ALIVE = '-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3';

/** Emitted, with the milliseconds of silence, when the connection has been given up. */
export const SILENT = 'silent';

/**
 * A connection that is given up, and every statement on it rejected, when the server has said nothing for `query_timeout` (ms) while one waits.
 *
 * That, and the promises, are pg's own affair, but it keeps both in closures which it assigns to a property (`query.callback = () => …`). V8 takes such
 * a closure for a method and gives it a place among the old objects at birth. Dead, it holds on to its statement, the values and all the rows until the
 * whole heap is next marked through, which came every other second for that reason alone. A closure that is an argument is born, and dies, young.
 */
export class WatchedClient extends Client {
  private unanswered = 0;
  private heardAt = performance.now();
  private readonly silence: NodeJS.Timeout | null;
  private readonly giveUp: (quietMs: number) => void;

  constructor({ query_timeout: silenceMs, options = '', ...config }: ClientConfig = {}) {
    const socket = new Socket();
    super({
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      options: `${options} ${SERVER_KEEPS_ALIVE}`,
      ...config,
      stream: () => socket,
    });
    this.giveUp = (quietMs) => void socket.destroy(new Error(`Connection terminated: the server has said nothing for ${quietMs} ms`));
    const onSilence = (quietMs: number) => {
      if (this.unanswered === 0) return;
      this.giveUp(quietMs);
      this.emit(SILENT, quietMs);
    };
    this.silence = silenceMs ? setTimeout(onSilence, silenceMs, silenceMs).unref() : null;
  }

  /** Gives up the connection if it has heard nothing for so long either, in use or not. */
  giveUpIfQuietFor(quietMs: number): void {
    if (performance.now() - this.heardAt >= quietMs) this.giveUp(quietMs);
  }

  /** As pg's own, whose overloads say what may be asked and what is answered. */
  override query(statement: unknown, values?: unknown, answered?: unknown): never {
    if (typeof values === 'function') return this.ask(statement, undefined, values as Answered);
    if (typeof answered === 'function') return this.ask(statement, values, answered as Answered);
    return new Promise<QueryResult>((resolve, reject) => {
      this.ask(statement, values, (error, result) => (error ? reject(error) : resolve(result)));
    }).catch(fromHere) as never;
  }

  private ask(statement: unknown, values: unknown, answered: Answered): never {
    if (this.unanswered++ === 0) this.silence?.refresh();
    const heard: Answered = (error, result) => {
      this.unanswered--;
      this.heardAt = performance.now();
      this.silence?.refresh();
      answered(error, result);
    };
    return super.query(statement as string, values as unknown[], heard as (error: Error, result: QueryResult) => void) as never;
  }
}

/** The stack of an answer begins at the socket; whoever reads of the error wants to know who asked. */
function fromHere(error: Error): never {
  Error.captureStackTrace(error);
  throw error;
}
