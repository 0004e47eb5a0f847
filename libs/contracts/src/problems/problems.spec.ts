import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { PROBLEMS } from '.';

const folder = resolve(__dirname, '../../../../docs/reference/problems');

describe('the closed list of problems', () => {
  // The `type` of a problem document is the address of its page: each code must have one, and no page may be left over.
  it('has a page for each code, with its status and title', () => {
    const pages = readdirSync(folder).filter((file) => file !== 'README.md');
    expect(pages.sort()).toEqual(
      Object.keys(PROBLEMS)
        .map((code) => `${code.replaceAll('_', '-')}.md`)
        .sort(),
    );
    for (const [code, { status, title }] of Object.entries(PROBLEMS)) {
      const page = readFileSync(resolve(folder, `${code.replaceAll('_', '-')}.md`), 'utf8');
      expect(page).toContain(`# \`${code}\``);
      expect(page).toContain(`**${status}** · ${title}`);
    }
  });
});
