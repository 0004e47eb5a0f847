/**
 * Looks for what is due: when it is woken, and when the time comes that the last look named; one look at a time. A wake-up that comes during a look
 * makes one more follow it, because what it is about may not have been seen.
 */
export class Lookout {
  private looking: Promise<void> | null = null;
  private again = false;
  private timer: NodeJS.Timeout | null = null;
  private running = false;

  /** `look` resolves with the milliseconds until it should look again, null when somebody will wake it; it never rejects. */
  constructor(private readonly look: () => Promise<number | null>) {}

  /** Looks for the first time. Before that, wake-ups are ignored. */
  start(): void {
    this.running = true;
    this.wake();
  }

  wake(): void {
    if (!this.running) return;
    if (this.looking !== null) {
      this.again = true;
      return;
    }
    if (this.timer !== null) clearTimeout(this.timer);
    this.looking = this.look().then((nextInMs) => {
      this.looking = null;
      const inMs = this.again ? 0 : nextInMs;
      this.again = false;
      if (this.running && inMs !== null) this.timer = setTimeout(() => this.wake(), Math.max(0, inMs));
    });
  }

  /** Resolves when the look that is under way has ended; no other follows. */
  async stop(): Promise<void> {
    this.running = false;
    if (this.timer !== null) clearTimeout(this.timer);
    await this.looking;
  }
}
