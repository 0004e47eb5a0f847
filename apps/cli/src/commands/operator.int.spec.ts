import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { hashOfApiKey } from '@works/platform/api-keys';
import { openPool } from '@works/platform/postgres';
import { testDatabase, type TestDatabase } from '@works/platform/testing';
import type { Organization } from '../home';
import { SCOPES } from '../organizations';
import { run } from './commands.examples';
import { createKeyCommand } from './keys';
import { createOrganizationCommand } from './organizations';
import { statusCommand } from './status';

describe("the operator's command line", () => {
  const home = mkdtempSync(join(tmpdir(), 'works-spec-home-'));
  let database: TestDatabase;
  let door: Pool;
  let operator: Pool;

  beforeAll(async () => {
    database = await testDatabase('gateway');
    door = openPool(database.appUrl, { max: 1, applicationName: 'spec' });
    operator = openPool(database.workerUrl, { max: 1, applicationName: 'spec' });
    Object.assign(process.env, { WORKS_HOME: home, GATEWAY_DATABASE_URL: database.workerUrl });
  });
  afterAll(async () => {
    delete process.env['WORKS_HOME'];
    delete process.env['GATEWAY_DATABASE_URL'];
    await Promise.all([door.end(), operator.end()]);
    await database.drop();
    rmSync(home, { recursive: true, force: true });
  });

  const organizations = (...words: string[]) => run(createOrganizationCommand(), 'create', ...words);
  const keys = (...words: string[]) => run(createKeyCommand(), 'create', ...words);
  const anOrganization = async (...words: string[]) => JSON.parse(await organizations('Globex', '--json', ...words)) as Organization;
  /** As the gateway sees a key. */
  const behind = async (key: string) => (await door.query('select * from works_caller_of($1)', [hashOfApiKey(key)])).rows[0] as unknown;
  const count = async (table: string) => Number((await operator.query(`select count(*) from ${table}`)).rows[0].count);

  describe('organizations create', () => {
    it('prints one organization of the shape of dev.json, and nothing else, with --json', async () => {
      const printed = await organizations('Globex', '--json');
      expect(printed.split('\n')).toHaveLength(2);
      expect(JSON.parse(printed)).toEqual({
        id: expect.stringMatching(/^org_[0-9A-Z]{26}$/),
        name: 'Globex',
        live_key: expect.stringMatching(/^sk_live_/),
        test_key: expect.stringMatching(/^sk_test_/),
      });
    });

    it('makes a key for each mode that opens the door at once, with every scope', async () => {
      const { id, live_key, test_key } = await anOrganization('--time-zone', 'europe/berlin');
      const expected = { organization_id: id, scopes: [...SCOPES], time_zone: 'Europe/Berlin' };
      expect(await behind(live_key)).toMatchObject({ ...expected, livemode: true });
      expect(await behind(test_key)).toMatchObject({ ...expected, livemode: false });
    });

    it('has its days begin in India unless told otherwise', async () => {
      expect(await behind((await anOrganization()).live_key)).toMatchObject({ time_zone: 'Asia/Kolkata' });
    });

    it('tells people that the keys are shown once', async () => {
      expect(await organizations('Initech')).toMatch(
        /Organization {2}Initech org_\w+\nLive key {6}sk_live_\w+\nTest key {6}sk_test_\w+\n\n.*this once/,
      );
    });

    // Guarantees that the keys themselves are nowhere: whoever has the database has no key.
    it('keeps no key', async () => {
      const { live_key } = await anOrganization();
      const { rows } = await operator.query<{ row: string }>('select k::text as row from api_keys k');
      for (const { row } of rows) expect(row).not.toContain(live_key.slice('sk_live_'.length, -4));
    });

    it.each([
      ['no name', ['  '], 'A name has 1 to 200 characters.'],
      ['a name without end', ['x'.repeat(201)], 'A name has 1 to 200 characters.'],
      ['an abbreviation that is several zones', ['Globex', '--time-zone', 'IST'], 'IST is not the name of a time zone'],
      ['a time zone of nowhere', ['Globex', '--time-zone', 'Mars/Olympus'], 'Mars/Olympus is not the name of a time zone'],
    ])('refuses %s, and makes nothing', async (_, words, sentence) => {
      const before = await count('organizations');
      await expect(organizations(...words)).rejects.toThrow(sentence);
      expect(await count('organizations')).toBe(before);
    });
  });

  describe('keys create', () => {
    it('makes a key of that organization, mode and scopes', async () => {
      const { id } = await anOrganization();
      const made = JSON.parse(await keys('--organization', id, '--mode', 'test', '--scopes', 'tasks:read, events:read', '--json')) as {
        id: string;
        key: string;
      };
      expect(made.key).toMatch(/^sk_test_/);
      expect(await behind(made.key)).toMatchObject({
        key_id: made.id,
        organization_id: id,
        livemode: false,
        scopes: ['tasks:read', 'events:read'],
      });
    });

    it('gives every scope when none is named', async () => {
      const { id } = await anOrganization();
      const secret = /Secret {2}(\S+)/.exec(await keys('--organization', id, '--mode', 'live'))![1]!;
      expect(await behind(secret)).toMatchObject({ livemode: true, scopes: [...SCOPES] });
    });

    it('refuses scopes that are none, and says which there are', async () => {
      const { id } = await anOrganization();
      const before = await count('api_keys');
      await expect(keys('--organization', id, '--mode', 'live', '--scopes', 'tasks:read,tasks:own,all')).rejects.toThrow(
        `Not a scope: tasks:own, all. There are: ${SCOPES.join(', ')}.`,
      );
      expect(await count('api_keys')).toBe(before);
    });

    it('refuses an organization that is not there', async () => {
      await expect(keys('--organization', 'org_nobody', '--mode', 'live')).rejects.toThrow('There is no organization org_nobody.');
    });

    it('refuses a mode that is none', async () => {
      const { id } = await anOrganization();
      await expect(keys('--organization', id, '--mode', 'prod')).rejects.toThrow('The mode is live or test.');
    });
  });

  describe('without a running product', () => {
    it.each<[string, () => Promise<string>]>([
      ['organizations create', () => organizations('Globex')],
      ['status', () => run(statusCommand())],
    ])('%s says how to start it', async (_, command) => {
      delete process.env['GATEWAY_DATABASE_URL'];
      await expect(command()).rejects.toThrow(`Nothing runs in ${home}. Start it with npm start.`);
      process.env['GATEWAY_DATABASE_URL'] = database.workerUrl;
    });
  });
});
