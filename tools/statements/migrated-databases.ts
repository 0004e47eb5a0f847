import { mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { EmbeddedServer } from '../../libs/platform/src/postgres/embedded-server';
import { migrate } from '../../libs/platform/src/postgres/migrate';
import { ensureGroupRoles } from '../../libs/platform/src/postgres/provision';
import { readCatalogue, type StoredTexts } from './catalogue';

const prisma = join(__dirname, '../../prisma');

interface Database {
  readonly client: Client;
  /** Parse trees since the last look, as the server reports them. */
  readonly trees: string[];
  readonly texts: StoredTexts;
}

/** Every database of the product as all migrations of today leave it, on a server for the purpose. */
export class MigratedDatabases {
  private constructor(
    private readonly directory: string,
    private readonly server: EmbeddedServer,
    private readonly databases: ReadonlyMap<string, Database>,
  ) {}

  static async start(): Promise<MigratedDatabases> {
    const directory = mkdtempSync(join(tmpdir(), 'works-statements-'));
    const server = await EmbeddedServer.start({ directory });
    const names = readdirSync(prisma, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
    const databases = new Map<string, Database>();
    const started = new MigratedDatabases(directory, server, databases);
    try {
      const admin = await connected(server.url);
      await ensureGroupRoles(admin);
      for (const name of names) await admin.query(`create database ${name}`);
      await admin.end();
      for (const name of names)
        databases.set(name, await migrated(Object.assign(new URL(server.url), { pathname: `/${name}` }).href, name));
      return started;
    } catch (error) {
      await started.stop();
      throw error;
    }
  }

  get texts(): ReadonlyMap<string, StoredTexts> {
    return new Map([...this.databases].map(([name, { texts }]) => [name, texts]));
  }

  /** A statement as PostgreSQL understands it, in the first database that knows its tables; null when none does, or it is none that can be prepared. */
  async understood(statement: string): Promise<string[] | null> {
    for (const database of this.databases.values()) {
      const trees = await reported(database, async ({ client }) => {
        await client.query(`prepare understood as ${statement}`);
        await client.query('deallocate understood');
      }).catch(() => null);
      if (trees !== null) return trees;
    }
    return null;
  }

  /** The same of every function in SQL, by database and name. Of those in plpgsql PostgreSQL understands a statement only when it runs. */
  async functionsUnderstood(): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    for (const [name, database] of this.databases) {
      for (const stored of database.texts.functions.filter(({ language }) => language === 'sql'))
        found.set(`${name}, function ${stored.name}`, await reported(database, ({ client }) => client.query(stored.definition)));
    }
    return found;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.databases.values()].map(({ client }) => client.end()));
    await this.server.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}

async function migrated(url: string, name: string): Promise<Database> {
  await migrate({ url, directory: join(prisma, name, 'migrations') });
  const texts = await readCatalogue(url);
  const client = await connected(url);
  const trees: string[] = [];
  client.on('notice', ({ message, detail }) => {
    if (message === 'parse tree:') trees.push(detail ?? '');
  });
  await client.query('set client_min_messages = log; set debug_print_parse = on; set debug_pretty_print = off');
  return { client, trees, texts };
}

async function reported(database: Database, work: (database: Database) => Promise<unknown>): Promise<string[]> {
  database.trees.length = 0;
  await work(database);
  return [...database.trees];
}
