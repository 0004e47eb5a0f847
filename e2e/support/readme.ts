import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './product';

/** The commands of one section, as its code blocks have them: one for each line, and one for lines that a backslash joins. */
export function commandsIn(section: string): string[] {
  const text = readFileSync(join(root, 'README.md'), 'utf8').split(`\n## ${section}\n`)[1];
  if (text === undefined) throw new Error(`README.md has no section "${section}"`);
  return text
    .split('\n## ')[0]!
    .split('\n')
    .filter((line) => line.startsWith('    '))
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.trim());
}
