import { Command } from 'commander';
import { backupCommand, restoreCommand } from './commands/backup';
import { createKeyCommand } from './commands/keys';
import { listenCommand } from './commands/listen';
import { createOrganizationCommand } from './commands/organizations';
import { rebuildCommand } from './commands/rebuild';
import { statusCommand } from './commands/status';

const program = new Command('works').description("SK Works, the operator's command line").showHelpAfterError();
program.addCommand(createOrganizationCommand());
program.addCommand(createKeyCommand());
program.addCommand(statusCommand());
program.addCommand(rebuildCommand());
program.addCommand(listenCommand());
program.addCommand(backupCommand());
program.addCommand(restoreCommand());

program.parseAsync().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
