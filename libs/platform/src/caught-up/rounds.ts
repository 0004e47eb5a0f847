/** Work that serves all who came before it began: one round runs at a time, and whoever comes meanwhile shares the next. */
export class Rounds<Asked, Outcome> {
  private running: Promise<Outcome> | null = null;
  private next: { readonly asked: Asked[]; readonly outcome: Promise<Outcome> } | null = null;

  constructor(
    private readonly run: (asked: readonly Asked[]) => Promise<Outcome>,
    /** Called when nobody is left who waits. */
    private readonly idle: () => void = () => undefined,
  ) {}

  join(asked: Asked): Promise<Outcome> {
    if (this.running === null) return this.begin([asked]);
    if (this.next !== null) this.next.asked.push(asked);
    else {
      const all = [asked];
      const begun = () => {
        this.next = null;
        return this.begin(all);
      };
      this.next = { asked: all, outcome: this.running.then(begun, begun) };
    }
    return this.next.outcome;
  }

  private begin(asked: readonly Asked[]): Promise<Outcome> {
    const running = this.run(asked).finally(() => {
      if (this.running !== running) return;
      this.running = null;
      if (this.next === null) this.idle();
    });
    this.running = running;
    return running;
  }
}
