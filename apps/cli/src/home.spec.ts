import { chmodSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Home } from './home';

const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8);

describe('the home of a running product', () => {
  let path: string;
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'works-spec-home-'));
  });
  afterEach(() => rmSync(path, { recursive: true, force: true }));

  it('is where WORKS_HOME says', () => {
    expect(Home.here({ WORKS_HOME: path }).path).toBe(path);
  });

  // Guarantees that the data of the last start can be opened by the next.
  it('has secrets that are made once', () => {
    const secrets = new Home(path).secrets();
    expect(new Home(path).secrets()).toEqual(secrets);
    expect(secrets.worksSecret.length).toBeGreaterThanOrEqual(32);
    const passwords = Object.values(secrets.passwords);
    expect(new Set(passwords).size).toBe(passwords.length);
  });

  // Guarantees that other people on the machine read neither keys nor passwords.
  it('keeps to itself what is secret', () => {
    const home = new Home(path);
    home.secrets();
    home.writeDev({ url: 'http://127.0.0.1:4000/works/v1', organizations: [] });
    expect([modeOf(join(path, 'secrets.json')), modeOf(join(path, 'dev.json'))]).toEqual(['600', '600']);
    expect(modeOf(dirname(home.socket('tasks')))).toBe('700');
  });

  it('keeps it so when the file was there with wider rights', () => {
    const home = new Home(path);
    home.writeDev({ url: 'a', organizations: [] });
    chmodSync(join(path, 'dev.json'), 0o644);
    home.writeDev({ url: 'b', organizations: [] });
    expect([modeOf(join(path, 'dev.json')), home.dev()?.url]).toEqual(['600', 'b']);
  });

  it('knows of no keys before the first start', () => {
    expect(new Home(path).dev()).toBeNull();
    expect(existsSync(join(path, 'dev.json'))).toBe(false);
  });

  // A socket's path may have about a hundred characters (sun_path in unix(7)).
  it('has short paths for sockets, however long its own', () => {
    const deep = new Home(join(path, 'x'.repeat(150)));
    expect(deep.socket('webhooks').length).toBeLessThan(100);
    expect(deep.socket('webhooks')).not.toBe(new Home(path).socket('webhooks'));
  });

  it('says what to do when nothing runs there', async () => {
    await expect(new Home(path).server()).rejects.toThrow(`Nothing runs in ${path}. Start it with npm start.`);
  });
});
