import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Account } from './hand-over';
import { programsFor } from './programs';

/** Nobody whom the files here belong to. */
const ACCOUNT: Account = { uid: 65_533, gid: 65_533 };
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe('the programs of a server that runs as another account', () => {
  let folder: string;
  let bundled: string;
  let shared: string;
  let another: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'works-spec-programs-'));
    bundled = join(folder, 'package', 'native');
    for (const name of ['bin', 'lib', 'share']) mkdirSync(join(bundled, name), { recursive: true, mode: 0o700 });
    for (const name of ['initdb', 'postgres']) writeFileSync(join(bundled, 'bin', name), '#!/bin/sh\necho up', { mode: 0o700 });
    writeFileSync(join(bundled, 'share', 'zones'), 'UTC', { mode: 0o600 });
    symlinkSync('zones', join(bundled, 'share', 'names'));
    writeFileSync(join(folder, 'package', 'package.json'), '{"version":"1.2.3"}');
    [shared, another] = [join(folder, 'shared'), join(folder, 'another')];
    for (const path of [shared, another]) mkdirSync(path);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const runs = (programs: string) => Promise.resolve(execFileSync(join(programs, 'bin', 'initdb')).toString() === 'up\n');
  const found = (works = runs) => programsFor(ACCOUNT, works, { bundled, folders: [shared, another] });

  it('are where they came, for whoever runs them as themselves', async () => {
    expect(await programsFor(null, runs, { bundled, folders: [shared] })).toBe(bundled);
    expect(readdirSync(shared)).toEqual([]);
  });

  it('are laid where the account reaches them, readable whatever the umask was, and once for all who start together', async () => {
    const [first, ...others] = await Promise.all([found(), found(), found()]);
    expect(others).toEqual([first, first]);
    expect(readdirSync(join(shared, 'sk-works'))).toEqual([expect.stringMatching(/^postgresql-1\.2\.3-[a-z0-9]+-[a-z0-9]+$/)]);
    expect(['', 'bin', 'bin/initdb', 'share/zones', 'share/names'].map((path) => modeOf(join(first, path)))).toEqual([
      '755',
      '755',
      '755',
      '644',
      '644',
    ]);
  });

  // Guarantees that nobody on the machine can have us run what they have laid where we look.
  it.each<[string, () => void]>([
    ['may write into', () => chmodSync((mkdirSync(join(shared, 'sk-works')), join(shared, 'sk-works')), 0o777)],
    ['has laid as a link to their own', () => symlinkSync(bundled, join(shared, 'sk-works'))],
    ['may replace', () => chmodSync(shared, 0o777)],
  ])('are never taken from a folder that somebody else %s', async (_, taken) => {
    taken();
    expect(await found()).toContain(join(another, 'sk-works'));
  });

  it('go elsewhere where nothing can be run, and leave nothing behind there', async () => {
    expect(await found((programs) => Promise.resolve(!programs.startsWith(shared)))).toContain(another);
    expect(readdirSync(join(shared, 'sk-works'))).toEqual([]);
  });

  it('are refused with every reason and the way out where there is no place', async () => {
    chmodSync(shared, 0o777);
    rmSync(another, { recursive: true });
    await expect(found()).rejects.toThrow(/belongs to others as well.*ENOENT.*Start as another user, or chmod o\+x/);
    expect(existsSync(another)).toBe(false);
  });
});
