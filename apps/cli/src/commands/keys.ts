import { Command } from 'commander';
import { Home } from '../home';
import { createKey, SCOPES, withGatewayDatabase } from '../organizations';

interface Options {
  organization: string;
  mode: string;
  scopes?: string;
  json?: boolean;
}

export function createKeyCommand(): Command {
  const create = new Command('create')
    .description('create an API key')
    .requiredOption('--organization <id>', 'whose key it is (org_…)')
    .requiredOption('--mode <mode>', 'live or test')
    .option('--scopes <scopes>', `comma-separated; all when absent: ${SCOPES.join(',')}`)
    .option('--json', 'print it as JSON')
    .action(async ({ organization, mode, scopes, json }: Options) => {
      if (mode !== 'live' && mode !== 'test') throw new Error('The mode is live or test.');
      const wanted = scopes === undefined ? [...SCOPES] : scopes.split(',').map((scope) => scope.trim());
      const unknown = wanted.filter((scope) => !(SCOPES as readonly string[]).includes(scope));
      if (unknown.length > 0) throw new Error(`Not a scope: ${unknown.join(', ')}. There are: ${SCOPES.join(', ')}.`);
      const key = await withGatewayDatabase(await Home.here().gatewayUrl(), (database) => createKey(database, organization, mode, wanted));
      process.stdout.write(
        json ? `${JSON.stringify(key)}\n` : `Key     ${key.id}\nSecret  ${key.key}\n\nThe secret is shown this once and kept nowhere.\n`,
      );
    });
  return new Command('keys').description('make API keys').addCommand(create);
}
