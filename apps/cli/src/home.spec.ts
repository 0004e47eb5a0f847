import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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

  // Guarantees that nobody else can listen in a service's place, and so become it.
  it('has its sockets in a folder of its own, also where that was open to others', () => {
    mkdirSync(join(path, 'run'));
    chmodSync(join(path, 'run'), 0o777);
    expect(new Home(path).socket('tasks')).toBe(join(path, 'run', 'tasks.sock'));
    expect(modeOf(join(path, 'run'))).toBe('700');
  });

  it('is closed to others with its logs, also where it was open; what holds something else stays open', () => {
    chmodSync(path, 0o755);
    new Home(path);
    chmodSync(join(path, 'logs'), 0o755);
    new Home(path).secrets();
    expect(['', 'logs'].map((folder) => modeOf(join(path, folder)))).toEqual(['700', '700']);
    const shared = join(path, 'shared');
    mkdirSync(join(shared, 'of somebody else'), { recursive: true });
    chmodSync(shared, 0o755);
    new Home(shared);
    expect(['', 'logs'].map((folder) => modeOf(join(shared, folder)))).toEqual(['755', '700']);
  });

  // A socket's path may have 107 bytes (sun_path in unix(7)).
  describe('where its own path is too long for sockets', () => {
    const deep = () => new Home(join(path, 'ü'.repeat(60)));

    it('has them in a short folder of its own that the next process finds', () => {
      const socket = deep().socket('webhooks');
      expect(Buffer.byteLength(socket)).toBeLessThan(100);
      expect(modeOf(dirname(socket))).toBe('700');
      expect(deep().socket('webhooks')).toBe(socket);
      const another = new Home(join(path, 'y'.repeat(120))).socket('webhooks');
      expect(another).not.toBe(socket);
      for (const made of [socket, another]) rmSync(dirname(made), { recursive: true });
    });

    it.each<[string, (folder: string) => void]>([
      ['was cleared away', () => undefined],
      ['is a link by now', (folder) => (mkdirSync(`${folder}-theirs`, { mode: 0o700 }), symlinkSync(`${folder}-theirs`, folder))],
      ['others may write into', (folder) => (mkdirSync(folder), chmodSync(folder, 0o777))],
    ])('does not use one that %s', (_, taken) => {
      const folder = dirname(deep().socket('tasks'));
      rmSync(folder, { recursive: true });
      taken(folder);
      const another = dirname(deep().socket('tasks'));
      expect(another).not.toBe(folder);
      expect(modeOf(another)).toBe('700');
      for (const made of [folder, `${folder}-theirs`, another]) rmSync(made, { recursive: true, force: true });
    });
  });

  // Guarantees that a disk that was full, or an editor, does not cost the data: it opens with what was in there only.
  it.each<[string, string]>([
    ['secrets.json', ''],
    ['secrets.json', '{"worksSecret":"abc"'],
    ['secrets.json', '{"worksSecret":"abc","passwords":{}}'],
    ['dev.json', 'null'],
    ['dev.json', '{"url":"http://127.0.0.1:4000/works/v1"}'],
    ['dev.json', '{"url":"a","organizations":[{"id":"org_1","name":"Acme","live_key":""}]}'],
  ])('names %s that is damaged (%s), and leaves it as it is', (name, content) => {
    writeFileSync(join(path, name), content);
    const home = new Home(path);
    expect(() => (name === 'dev.json' ? home.dev() : home.secrets())).toThrow(`${join(path, name)} is damaged.`);
    expect(readFileSync(join(path, name), 'utf8')).toBe(content);
  });

  it('makes no new secrets for data that has others', () => {
    const home = new Home(path);
    home.secrets();
    mkdirSync(join(home.postgres, 'data'), { recursive: true });
    renameSync(join(path, 'secrets.json'), join(path, 'secrets.json.mislaid'));
    expect(() => home.secrets()).toThrow(`${join(path, 'secrets.json')} is missing`);
    expect(existsSync(join(path, 'secrets.json'))).toBe(false);
  });

  it('says what to do when nothing runs there', async () => {
    await expect(new Home(path).server()).rejects.toThrow(`Nothing runs in ${path}. Start it with npm start.`);
  });
});
