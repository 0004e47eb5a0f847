import { styleText } from 'node:util';

const WIDTH = 22;

/** What a person sees while the product starts: a line per step with its time, and later a line when something happens. */
export class Progress {
  private readonly startedAt = performance.now();

  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const live = process.stdout.isTTY;
    if (live) process.stdout.write(`  ${styleText('yellow', '◌')} ${name} …`);
    const result = await work();
    if (live) process.stdout.write('\r\x1b[2K');
    process.stdout.write(
      `  ${styleText('green', '●')} ${name.padEnd(WIDTH)} ${styleText('dim', seconds(performance.now() - startedAt))}\n`,
    );
    return result;
  }

  say(line: string): void {
    process.stdout.write(`  ${styleText('dim', `${new Date().toISOString().slice(11, 19)}  ${line}`)}\n`);
  }

  done(text: string): void {
    process.stdout.write(`\n  Ready in ${seconds(performance.now() - this.startedAt)}.\n\n${text}\n`);
  }

  failed(error: Error): void {
    process.stderr.write(`\n  ${styleText('red', 'It did not start.')} ${error.message}\n`);
  }
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
