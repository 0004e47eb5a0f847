import { stripVTControlCharacters } from 'node:util';
import type { Screen } from '../paint';
import { Progress } from './progress';

/** Keeps what was written; `seen` is what a terminal would show of it. */
class Paper implements Screen {
  text = '';
  constructor(readonly isTTY: boolean) {}

  write(text: string): void {
    this.text += text;
  }

  get seen(): string[] {
    return this.text
      .split('\n')
      .map((line) => stripVTControlCharacters(line.split('\x1b[2K').at(-1)!))
      .filter((line) => line !== '');
  }
}

const pending = <T>() => {
  let settle!: { resolve: (value: T) => void; reject: (error: Error) => void };
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle };
};

describe.each([true, false])('progress (on a terminal: %s)', (isTTY) => {
  let paper: Paper;
  let progress: Progress;
  beforeEach(() => {
    paper = new Paper(isTTY);
    progress = new Progress(paper, paper);
  });

  it('has a line for each step, with its time, and gives back what the step made', async () => {
    expect(await progress.step('PostgreSQL', () => Promise.resolve(7))).toBe(7);
    expect(paper.seen).toEqual([expect.stringMatching(/^ {2}● PostgreSQL +0\.\d s$/)]);
  });

  it('shows a step while it runs to whoever can see it vanish', async () => {
    const work = pending<void>();
    const step = progress.step('Services', () => work.promise);
    expect(paper.text.includes('Services …')).toBe(isTTY);
    work.resolve();
    await step;
    expect(paper.seen.join()).not.toContain('…');
  });

  // A service that ends while another starts must not garble the line of the step.
  it('says what happens meanwhile on a line of its own', async () => {
    const work = pending<void>();
    const step = progress.step('Services', () => work.promise);
    progress.say('tasks ended, starting it again');
    expect(paper.seen[0]).toMatch(/^ {2}\d\d:\d\d:\d\d {2}tasks ended, starting it again$/);
    expect(paper.text.endsWith('Services …')).toBe(isTTY);
    work.resolve();
    await step;
    expect(paper.seen).toHaveLength(2);
  });

  it('names the step that failed, and why', async () => {
    await expect(progress.step('Databases', () => Promise.reject(new Error('the disk is full')))).rejects.toThrow('the disk is full');
    progress.failed(new Error('the disk is full'));
    expect(paper.seen).toEqual(['  ● Databases', '  It did not start. the disk is full']);
  });

  it('ends with how long it took and what to do next', () => {
    progress.done('Paste this.');
    expect(paper.seen).toEqual([expect.stringMatching(/^ {2}Ready in \d\.\d s\.$/), 'Paste this.']);
  });
});

describe('a file or a pipe', () => {
  it('gets no colour and no control characters', async () => {
    const paper = new Paper(false);
    const progress = new Progress(paper, paper);
    await progress.step('PostgreSQL', () => Promise.resolve());
    progress.say('Stopping');
    progress.failed(new Error('no'));
    expect(paper.text).not.toContain('\x1b');
  });
});

describe('whoever wants no colour', () => {
  afterEach(() => delete process.env['NO_COLOR']);

  it('gets none', async () => {
    process.env['NO_COLOR'] = '1';
    const paper = new Paper(true);
    await new Progress(paper).step('PostgreSQL', () => Promise.resolve());
    const drawn = paper.text.replaceAll('\x1b[2K', '');
    expect(drawn).toBe(stripVTControlCharacters(drawn));
  });
});
