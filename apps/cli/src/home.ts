import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync, chmodSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DATABASES, EmbeddedServer, LOGIN_KINDS, loginRole, type DatabaseName, type LoginKind } from '@works/platform/postgres';

export const root = resolve(__dirname, '../../..');

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

/** The folder of one running product: its data, secrets, logs, and what to paste. */
export class Home {
  constructor(readonly path: string) {
    mkdirSync(join(path, 'logs'), { recursive: true });
  }

  /** `WORKS_HOME`, or `.works` in the checkout. */
  static here(env: NodeJS.ProcessEnv = process.env): Home {
    return new Home(Home.pathOf(env));
  }

  /** Where it is, without making it. */
  static pathOf(env: NodeJS.ProcessEnv = process.env): string {
    return resolve(env['WORKS_HOME'] ?? join(root, '.works'));
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

  /** Socket paths may have about a hundred characters, so they live in a short folder named after this one. */
  socket(service: string): string {
    const folder = join(tmpdir(), `works-${createHash('sha256').update(this.path).digest('hex').slice(0, 8)}`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return join(folder, `${service}.sock`);
  }

  /** Made once; the next start must find its data again. */
  secrets(): Secrets {
    const file = join(this.path, 'secrets.json');
    if (!existsSync(file)) this.write('secrets.json', newSecrets());
    return JSON.parse(readFileSync(file, 'utf8')) as Secrets;
  }

  dev(): DevFile | null {
    const file = join(this.path, 'dev.json');
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as DevFile) : null;
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

  private write(name: string, content: object): void {
    const file = join(this.path, name);
    writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
    chmodSync(file, 0o600);
  }
}

const newSecrets = (): Secrets => ({
  worksSecret: randomBytes(32).toString('base64url'),
  passwords: Object.fromEntries(
    DATABASES.flatMap((database) => LOGIN_KINDS.map((kind) => [loginRole(database, kind), randomBytes(24).toString('base64url')])),
  ),
});
