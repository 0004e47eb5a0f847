import type { Command } from 'commander';

/** Runs a command as `works` would, with these words after its name; gives back what it printed. */
export async function run(command: Command, ...words: string[]): Promise<string> {
  const write = process.stdout.write.bind(process.stdout);
  let printed = '';
  process.stdout.write = (text: string | Uint8Array) => {
    printed += String(text);
    return true;
  };
  try {
    await command.parseAsync(words, { from: 'user' });
    return printed;
  } finally {
    process.stdout.write = write;
  }
}
