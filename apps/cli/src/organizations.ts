import { PrismaPg } from '@prisma/adapter-pg';
import { hashOfApiKey, newApiKey, type Mode } from '@works/platform/api-keys';
import { newId } from '@works/platform/ids';
import { PrismaClient } from '../../../prisma/gateway/client';
import type { Organization } from './home';

/** Everything the product can do so far. A key may have fewer. */
export const SCOPES = [
  ...['projects:read', 'projects:write', 'tasks:read', 'tasks:write', 'templates:read', 'templates:write'],
  ...['events:read', 'webhooks:read', 'webhooks:write'],
] as const;

/** The gateway's database as the operator sees it: every organization. */
export async function withGatewayDatabase<T>(url: string, work: (database: PrismaClient) => Promise<T>): Promise<T> {
  const database = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
  try {
    return await work(database);
  } finally {
    await database.$disconnect();
  }
}

/** An organization with one key for each mode, in one transaction. The keys are in the answer and nowhere else. */
export async function createOrganization(database: PrismaClient, name: string, timeZone = 'Asia/Kolkata'): Promise<Organization> {
  const [live, test] = [aKey('live', SCOPES), aKey('test', SCOPES)];
  const organization = await database.organization.create({
    data: { id: newId('org'), name, timeZone, keys: { create: [live.row, test.row] } },
  });
  return { id: organization.id, name, live_key: live.key, test_key: test.key };
}

export async function createKey(
  database: PrismaClient,
  organizationId: string,
  mode: Mode,
  scopes: readonly string[],
): Promise<{ id: string; key: string }> {
  const organization = await database.organization.findUnique({ where: { id: organizationId } });
  if (organization === null) throw new Error(`There is no organization ${organizationId}.`);
  const { key, row } = aKey(mode, scopes);
  await database.apiKey.create({ data: { ...row, organizationId } });
  return { id: row.id, key };
}

function aKey(mode: Mode, scopes: readonly string[]) {
  const key = newApiKey(mode);
  const row = {
    id: newId('key'),
    livemode: mode === 'live',
    hash: Buffer.from(hashOfApiKey(key), 'hex'),
    hint: key.slice(-4),
    scopes: [...scopes],
  };
  return { key, row };
}
