import { resolve } from 'node:path';
import { Command } from 'commander';
import { bytesOf } from '../backup/manifest';
import { restoreBackup } from '../backup/restore-backup';
import { takeBackup } from '../backup/take-backup';
import { Home } from '../home';

export function backupCommand(): Command {
  return new Command('backup')
    .description('copy everything, while it runs or not, as it was at one instant')
    .argument('<directory>', 'where to; new, or empty. It will hold secrets')
    .action(async (directory: string) => {
      const target = resolve(directory);
      const startedAt = performance.now();
      const manifest = await takeBackup(Home.pathOf(), target);
      process.stdout.write(
        `Backed up ${megabytes(bytesOf(manifest))} to ${target} in ${seconds(startedAt)}, as it was at ${manifest.as_of}.\n` +
          `It holds everything, keys and secrets among it: only its owner may read it.\n\n` +
          `Restore  WORKS_HOME=<a new folder> npm run --silent works -- restore ${target}\n`,
      );
    });
}

export function restoreCommand(): Command {
  return new Command('restore')
    .description('lay a backup into WORKS_HOME, which is empty or not there')
    .argument('<directory>', 'what works backup has written')
    .action(async (directory: string) => {
      const home = Home.pathOf();
      const startedAt = performance.now();
      const manifest = await restoreBackup(resolve(directory), home);
      process.stdout.write(
        `Restored ${megabytes(bytesOf(manifest))} into ${home} in ${seconds(startedAt)}, as it was at ${manifest.as_of}.\n\n` +
          `Start    WORKS_HOME=${home} npm start\n`,
      );
    });
}

const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;
const seconds = (since: number): string => `${((performance.now() - since) / 1_000).toFixed(1)} s`;
