import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { problemDocument } from '@works/platform/problems';
import { PROBLEMS, type ProblemCode } from '.';

const FOLDER = resolve(__dirname, '../../../../docs/reference/problems');
const codes = Object.keys(PROBLEMS) as ProblemCode[];
const slugOf = (code: string) => code.replaceAll('_', '-');
const pageOf = (code: string) => readFileSync(join(FOLDER, `${slugOf(code)}.md`), 'utf8');

// Guarantees that the address in `type` leads to a page, and that the page says what the code does.
describe('the pages about problems', () => {
  it('are one for each code of the closed list, and none for any other', () => {
    const pages = readdirSync(FOLDER).filter((file) => file !== 'README.md');
    expect(pages.sort()).toEqual(codes.map((code) => `${slugOf(code)}.md`).sort());
  });

  it.each(codes)('%s: has its title, status and type, and says what to do', (code) => {
    const page = pageOf(code);
    const { title, status, retryable } = PROBLEMS[code];
    const { type } = problemDocument(PROBLEMS, { code, detail: '', extra: {} }, 'req_1');
    expect(page.startsWith(`# ${title}\n`)).toBe(true);
    for (const fact of [`\`${code}\``, `| ${status} `, `\`${type}\``, `\`retryable: ${retryable}\``]) expect(page).toContain(fact);
    const sections = page.split(/^## /m).slice(1);
    expect(sections.map((section) => section.split('\n')[0])).toEqual(['What it means', 'When you see it', 'What to do']);
    for (const section of sections) expect(section.split('\n').slice(1).join('').length).toBeGreaterThan(20);
  });

  it('are all in the index, under their status', () => {
    const index = readFileSync(join(FOLDER, 'README.md'), 'utf8');
    const listed = index
      .split(/^## (?=\d)/m)
      .slice(1)
      .flatMap((section) =>
        [...section.matchAll(/^- \[`(\w+)`\]\(([\w-]+)\.md\): (.+?)(?: \(retryable\))?$/gm)].map((line) => [
          section.slice(0, 3),
          ...line.slice(1),
        ]),
      );
    const wanted = codes.map((code) => [String(PROBLEMS[code].status), code, slugOf(code), PROBLEMS[code].title]);
    expect(listed.sort()).toEqual(wanted.sort());
  });
});
