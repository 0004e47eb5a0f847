import { once } from 'node:events';

export default async function stopPostgres(): Promise<void> {
  const keeper = globalThis.keepsPostgres;
  if (keeper === undefined) return;
  globalThis.keepsPostgres = undefined;
  delete process.env['TEST_POSTGRES_URL'];
  keeper.stdin?.end();
  if (keeper.exitCode === null) await once(keeper, 'exit');
}
