/** Ids in one half of the memory; the whole is some two megabytes. */
const HALF_MAX = 10_000;

/**
 * Ids that this process has seen numbered, the newest of them: what has its number keeps it, so whoever awaits one of them need not look it up. Forgotten
 * with the database's connection, because a standby that takes over may know less.
 */
export class RecentlyNumbered {
  private newer = new Set<string>();
  private older = new Set<string>();

  has(id: string): boolean {
    return this.newer.has(id) || this.older.has(id);
  }

  add(id: string): void {
    if (this.newer.size >= HALF_MAX) [this.older, this.newer] = [this.newer, new Set()];
    this.newer.add(id);
  }

  forget(): void {
    this.newer.clear();
    this.older.clear();
  }
}
