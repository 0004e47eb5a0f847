import { rm } from 'node:fs/promises';
import { EmbeddedServer } from '../../libs/platform/src/postgres/embedded-server';

export default async function stopPostgres(): Promise<void> {
  const directory = process.env['TEST_POSTGRES_DIRECTORY'];
  if (directory === undefined) return;
  const server = await EmbeddedServer.start({ directory });
  await server.stop();
  await rm(directory, { recursive: true, force: true });
  delete process.env['TEST_POSTGRES_DIRECTORY'];
  delete process.env['TEST_POSTGRES_URL'];
}
