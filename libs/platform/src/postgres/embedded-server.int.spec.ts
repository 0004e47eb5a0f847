import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { eventually } from '../testing';
import { EmbeddedServer } from './embedded-server';

describe('the embedded server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'works-spec-embedded-'));
  // Inside a private folder, as a clone in somebody's home is: also where the specs run as root, the server has to reach it.
  const directory = join(folder, 'private', 'postgres');
  let server: EmbeddedServer;

  beforeAll(async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    server = await EmbeddedServer.start({ directory });
    await asked('create table facts (id int)');
  });

  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  const asked = async (sql: string): Promise<any[]> => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    client.on('error', () => undefined);
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const pidFile = join(directory, 'data', 'postmaster.pid');

  it('keeps what was committed when its power fails, takes connections on this machine only, and asks for a password', async () => {
    const settings = await asked(
      "select string_agg(name || '=' || setting, ' ' order by name collate \"C\") as are from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'password_encryption')",
    );
    expect(settings[0].are).toBe(
      'fsync=on full_page_writes=on listen_addresses=127.0.0.1 password_encryption=scram-sha-256 synchronous_commit=on',
    );
    const stranger = new Client({ connectionString: server.url.replace(/:[^:@]+@/, ':guess@') });
    await expect(stranger.connect()).rejects.toThrow('password authentication failed');
  });

  it('is the same server for everybody who starts or finds it', async () => {
    const pid = await server.pid();
    const [again, found] = await Promise.all([EmbeddedServer.start({ directory }), EmbeddedServer.find(directory)]);
    expect([again.url, found?.url]).toEqual([server.url, server.url]);
    expect(await server.pid()).toBe(pid);
  });

  // What the server has written down: it was asked to end everybody's work, and not, after that had taken too long, to drop it.
  it('stops although somebody is connected and at work, without waiting for them, and is not found after that', async () => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    client.on('error', () => undefined);
    const atWork = client.query('select pg_sleep(3600)').catch((error: Error) => error.message);
    await server.stop();
    expect(await atWork).toMatch(/terminating connection|Connection terminated/);
    const said = readFileSync(join(directory, 'server.log'), 'utf8');
    expect(said.match(/received \w+ shutdown request/g)?.at(-1)).toBe('received fast shutdown request');
    expect(await EmbeddedServer.find(directory)).toBeNull();
    await server.stop();
  });

  it('comes back on the same address, so that connection strings stay true', async () => {
    const { url } = server;
    server = await EmbeddedServer.start({ directory });
    expect(server.url).toBe(url);
  });

  // Guarantees that `kill -9` of the product, and then starting it again, neither loses data nor leaves two servers on it.
  it('outlives the process that started it, and is used by the next one', async () => {
    await server.stop();
    const script = join(folder, 'start.ts');
    writeFileSync(
      script,
      `import { EmbeddedServer } from '${join(__dirname, 'embedded-server')}';
       setInterval(() => undefined, 1_000);
       void EmbeddedServer.start({ directory: '${directory}' }).then(({ url }) => console.log(url));`,
    );
    const parent = spawn(process.execPath, [join(__dirname, '../testing/run-typescript.cjs'), script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [url] = (await once(createInterface(parent.stdout), 'line')) as [string];
    const orphan = await server.pid();
    await asked('insert into facts values (1)');
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    server = await EmbeddedServer.start({ directory });
    expect([await server.pid(), server.url]).toEqual([orphan, url]);
    expect(await asked('select id from facts')).toEqual([{ id: 1 }]);
  });

  it('recovers at once when it is killed itself, with everything that was committed', async () => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    client.on('error', () => undefined);
    await client.query('insert into facts values (2)');
    process.kill((await server.pid())!, 'SIGKILL');
    server = await EmbeddedServer.start({ directory });
    expect(await asked('select id from facts order by id')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  // After a reboot, or in a new container on old data, the number in the pid file belongs to whatever came first.
  it('starts although its pid file names a process that is another program', async () => {
    process.kill((await server.pid())!, 'SIGKILL');
    await eventually(() => expect(EmbeddedServer.find(directory)).resolves.toBeNull());
    const another = spawn('sleep', ['60'], { uid: statSync(pidFile).uid });
    writeFileSync(pidFile, readFileSync(pidFile, 'utf8').replace(/^\d+/, String(another.pid)));
    server = await EmbeddedServer.start({ directory });
    expect(await asked('select count(*)::int as n from facts')).toEqual([{ n: 2 }]);
    another.kill();
  });

  it('says what the server said when it cannot start', async () => {
    await server.stop();
    await expect(EmbeddedServer.start({ directory, settings: { shared_buffers: 'plenty' } })).rejects.toThrow(
      'invalid value for parameter "shared_buffers": "plenty"',
    );
    server = await EmbeddedServer.start({ directory });
  });
});
