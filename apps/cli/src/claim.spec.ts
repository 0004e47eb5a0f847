import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claim, RESTORING } from './claim';
import { Home, root } from './home';

describe('having a home to oneself', () => {
  let home: Home;
  const file = () => join(home.path, 'supervisor.pid');
  beforeEach(() => (home = new Home(mkdtempSync(join(tmpdir(), 'works-spec-claim-')))));
  afterEach(() => rmSync(home.path, { recursive: true }));

  const besideAProcess = async (script: string, work: () => void) => {
    const path = join(home.path, script);
    writeFileSync(path, 'console.log("up"); setInterval(() => undefined, 1_000)');
    const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(child.stdout, 'data');
    writeFileSync(file(), String(child.pid));
    try {
      work();
    } finally {
      child.kill('SIGKILL');
    }
  };

  it('ends when it is given back', () => {
    claim(home)();
    expect(existsSync(file())).toBe(false);
    claim(home);
  });

  it.each(['start.mjs', 'works.mjs'])('is refused while %s has it', (script) =>
    besideAProcess(script, () => expect(() => claim(home)).toThrow(`The product runs already in ${home.path}, started by process`)),
  );

  // Guarantees that a second `npm start` installs and builds nothing over what runs: it says so before.
  it('comes before anything is built', () =>
    besideAProcess('start.mjs', () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'tools/start.mjs')], {
        env: { ...process.env, WORKS_HOME: home.path },
        encoding: 'utf8',
      });
      expect([status, stderr]).toEqual([1, expect.stringContaining(`The product runs already in ${home.path}, started by process`)]);
      expect(stdout).not.toContain('Build');
    }));

  it('is not asked for by a start with a word that nobody knows', () => {
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'tools/start.mjs'), '--kafak'], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([2, expect.stringContaining('npm start does not know --kafak')]);
  });

  it('is not held up by a process that has got the number of one that ended', () =>
    besideAProcess('other.mjs', () => expect(() => claim(home)).not.toThrow()));

  // Guarantees that nothing starts from half a restore: the databases would be new, and the secrets old.
  it('is refused where a restore was interrupted, with the way out', () => {
    mkdirSync(join(home.path, RESTORING));
    expect(() => claim(home)).toThrow('If none runs any more, delete the folder and restore again.');
  });
});
