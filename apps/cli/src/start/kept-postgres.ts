import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedServer } from '@works/platform/postgres';

const LOOK_EVERY_MS = 250;

/** Keeps the database server running: one that was killed is started again on the same data and the same port. */
export class KeptPostgres {
  private stopping = false;
  private watching: Promise<void> | null = null;

  private constructor(
    readonly server: EmbeddedServer,
    private readonly directory: string,
    private readonly say: (line: string) => void,
  ) {}

  static async start(directory: string, say: (line: string) => void): Promise<KeptPostgres> {
    const kept = new KeptPostgres(await EmbeddedServer.start({ directory }), directory, say);
    kept.watching = kept.watch();
    return kept;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.watching;
    await this.server.stop();
  }

  private async watch(): Promise<void> {
    while (!this.stopping) {
      await delay(LOOK_EVERY_MS);
      if (this.stopping || isAlive(await this.server.pid())) continue;
      this.say('PostgreSQL ended, starting it again');
      // Its remaining processes may still be letting go of the data; then the start is refused, and tried again.
      await EmbeddedServer.start({ directory: this.directory }).catch((error: Error) => this.say(error.message));
    }
  }
}

function isAlive(pid: number | null): boolean {
  if (pid === null) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
