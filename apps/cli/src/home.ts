import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DATABASES, EmbeddedServer, LOGIN_KINDS, loginRole, type DatabaseName, type LoginKind } from '@works/platform/postgres';
import { claims, root } from './claims';
import { socketFolder } from './socket-folder';

export { root } from './claims';

export interface Organization {
  id: string;
  name: string;
  live_key: string;
  test_key: string;
}

export interface DevFile {
  url: string;
  organizations: Organization[];
}

interface Secrets {
  worksSecret: string;
  passwords: Record<string, string>;
}

/** The folder of one running product: its data, secrets, logs, and what to paste. Nobody else may enter it. */
export class Home {
  constructor(readonly path: string) {
    claims.makeHome(path);
    const logs = join(path, 'logs');
    mkdirSync(logs, { recursive: true, mode: 0o700 });
    chmodSync(logs, 0o700); // also where it was there before
  }

  /** `WORKS_HOME`, or `.works` in the checkout. */
  static here(env: NodeJS.ProcessEnv = process.env): Home {
    return new Home(Home.pathOf(env));
  }

  /** Where it is, without making it. */
  static pathOf(env: NodeJS.ProcessEnv = process.env): string {
    return resolve(env['WORKS_HOME'] || join(root, '.works'));
  }

  get postgres(): string {
    return join(this.path, 'postgres');
  }

  get kafka(): string {
    return join(this.path, 'kafka');
  }

  logFile(name: string): string {
    return join(this.path, 'logs', `${name}.log`);
  }

  socket(service: string): string {
    return join(socketFolder(this.path), `${service}.sock`);
  }

  /**
   * Made once; the next start must find its data again. What was there and cannot be read is never replaced: the databases have these passwords,
   * and what is sealed in them opens with this secret only.
   */
  secrets(): Secrets {
    const there = this.read('secrets.json', isSecrets);
    if (there !== null) return there;
    if (existsSync(join(this.postgres, 'data'))) {
      throw new Error(`${join(this.path, 'secrets.json')} is missing, and the data beside it opens with nothing else. ${BRING_BACK}`);
    }
    const made = newSecrets();
    this.write('secrets.json', made);
    return made;
  }

  dev(): DevFile | null {
    return this.read('dev.json', isDevFile);
  }

  writeDev(dev: DevFile): void {
    this.write('dev.json', dev);
  }

  databaseUrl(server: EmbeddedServer, database: DatabaseName, kind: LoginKind): string {
    const role = loginRole(database, kind);
    return server.urlOf(`works_${database}`, role, this.secrets().passwords[role]!);
  }

  /** The database server of the running product. */
  async server(): Promise<EmbeddedServer> {
    const server = await EmbeddedServer.find(this.postgres);
    if (server === null) throw new Error(`Nothing runs in ${this.path}. Start it with npm start.`);
    return server;
  }

  /** The gateway's database: of the product that runs here, or of the deployment that GATEWAY_DATABASE_URL names. */
  async gatewayUrl(): Promise<string> {
    return process.env['GATEWAY_DATABASE_URL'] ?? this.databaseUrl(await this.server(), 'gateway', 'worker');
  }

  private read<Content>(name: string, isWhole: (content: unknown) => content is Content): Content | null {
    const file = join(this.path, name);
    if (!existsSync(file)) return null;
    const content = parsed(readFileSync(file, 'utf8'));
    if (!isWhole(content)) throw new Error(`${file} is damaged. ${BRING_BACK}`);
    return content;
  }

  /** Whole or not at all, whenever the power fails. */
  private write(name: string, content: object): void {
    const file = join(this.path, name);
    const making = `${file}.making`;
    const descriptor = openSync(making, 'w', 0o600);
    writeFileSync(descriptor, `${JSON.stringify(content, null, 2)}\n`);
    fsyncSync(descriptor);
    closeSync(descriptor);
    chmodSync(making, 0o600);
    renameSync(making, file);
  }
}

const BRING_BACK = 'Bring it back from a backup (docs/operations.md), or name a new folder in WORKS_HOME to begin anew.';

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const has = (content: unknown, ...names: string[]): boolean =>
  typeof content === 'object' && content !== null && names.every((name) => isText((content as Record<string, unknown>)[name]));

const ROLES = DATABASES.flatMap((database) => LOGIN_KINDS.map((kind) => loginRole(database, kind)));

const isSecrets = (content: unknown): content is Secrets =>
  has(content, 'worksSecret') && has((content as Partial<Secrets>).passwords, ...ROLES);

const isDevFile = (content: unknown): content is DevFile => {
  const organizations = has(content, 'url') ? (content as Partial<DevFile>).organizations : null;
  return Array.isArray(organizations) && organizations.every((each) => has(each, 'id', 'name', 'live_key', 'test_key'));
};

const newSecrets = (): Secrets => ({
  worksSecret: randomBytes(32).toString('base64url'),
  passwords: Object.fromEntries(ROLES.map((role) => [role, randomBytes(24).toString('base64url')])),
});
