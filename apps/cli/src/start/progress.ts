import { paint, type Screen } from '../paint';

const WIDTH = 22;
const CLEAR_LINE = '\r\x1b[2K';

/** What a person sees while the product starts: a line per step with its time, and later a line when something happens. */
export class Progress {
  private readonly startedAt = performance.now();
  /** The step under way, as a terminal shows it until it is done. */
  private running = '';

  constructor(
    private readonly screen: Screen = process.stdout,
    private readonly errors: Screen = process.stderr,
  ) {}

  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    this.show(`  ${this.paint('yellow', '◌')} ${name} …`);
    try {
      const result = await work();
      this.line(`  ${this.paint('green', '●')} ${name.padEnd(WIDTH)} ${this.paint('dim', seconds(performance.now() - startedAt))}`, '');
      return result;
    } catch (error) {
      this.line(`  ${this.paint('red', '●')} ${name}`, '');
      throw error;
    }
  }

  say(line: string): void {
    this.line(`  ${this.paint('dim', `${new Date().toISOString().slice(11, 19)}  ${line}`)}`, this.running);
  }

  done(text: string): void {
    this.screen.write(`\n  Ready in ${seconds(performance.now() - this.startedAt)}.\n\n${text}\n`);
  }

  failed(error: Error): void {
    this.errors.write(`\n  ${paint('red', 'It did not start.', this.errors)} ${error.message}\n`);
  }

  private paint(colour: Parameters<typeof paint>[0], text: string): string {
    return paint(colour, text, this.screen);
  }

  /** A whole line, above what is still running. */
  private line(text: string, running: string): void {
    this.screen.write(`${this.screen.isTTY ? CLEAR_LINE : ''}${text}\n`);
    this.show(running);
  }

  private show(running: string): void {
    this.running = running;
    if (this.screen.isTTY && running !== '') this.screen.write(running);
  }
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
