import { Command } from 'commander';
import { timeZoneNamed } from '@works/platform/calendar';
import { Home } from '../home';
import { createOrganization, withGatewayDatabase } from '../organizations';

export function createOrganizationCommand(): Command {
  const create = new Command('create')
    .description('create an organization with a live and a test key')
    .argument('<name>', 'what people call it')
    .option('--time-zone <zone>', 'the zone in which its days begin', 'Asia/Kolkata')
    .option('--json', 'print it as JSON')
    .action(async (name: string, options: { timeZone: string; json?: boolean }) => {
      const timeZone = zoneNamed(options.timeZone);
      if (name.trim() === '' || name.length > 200) throw new Error('A name has 1 to 200 characters.');
      const organization = await withGatewayDatabase(await Home.here().gatewayUrl(), (database) =>
        createOrganization(database, name, timeZone),
      );
      const { id, live_key, test_key } = organization;
      process.stdout.write(
        options.json
          ? `${JSON.stringify(organization)}\n`
          : `Organization  ${name} ${id}\nLive key      ${live_key}\nTest key      ${test_key}\n\nThe keys are shown this once and kept nowhere.\n`,
      );
    });
  return new Command('organizations').description('make organizations, with a live and a test key').addCommand(create);
}

function zoneNamed(given: string): string {
  const zone = timeZoneNamed(given);
  if (zone === null) throw new Error(`${given} is not the name of a time zone, such as Asia/Kolkata.`);
  return zone;
}
