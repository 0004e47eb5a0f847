import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const run = (tool: string, ...words: string[]) =>
  spawnSync(process.execPath, [join(__dirname, tool), ...words], { encoding: 'utf8', timeout: 30_000 });

// Guarantees that a slip of the fingers does not measure for an hour, or check what nobody asked for: it is said at once.
describe('a word that a command does not know', () => {
  it.each([
    ['bench.mjs', ['typo'], 'Not a measurement: typo'],
    ['bench.mjs', ['--seconds', 'typo'], 'Not a measurement: --seconds typo'],
    ['bench.mjs', ['queue', '--seconds'], 'Not a measurement: --seconds'],
    ['test.mjs', ['typo'], 'typo is no part of the tests'],
    ['openapi.mjs', ['--chekc'], 'openapi does not know --chekc'],
    ['start.mjs', ['typo'], 'npm start does not know typo'],
    ['chaos.mjs', ['--evnets', '5'], "Unknown option '--evnets'"],
  ])('%s %j', (tool, words, sentence) => {
    const { status, stderr } = run(tool, ...words);
    expect([stderr, status]).toEqual([expect.stringContaining(sentence), 2]);
  });
});
