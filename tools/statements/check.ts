// node libs/platform/src/testing/run-typescript.cjs tools/statements/check.ts <folder of record.cjs> [a program that must have been heard …]
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadModule, parseSync } from 'libpg-query';
import { judgeRun, type Understood } from './judge-run';
import { MigratedDatabases } from './migrated-databases';

async function check([folder, ...programs]: string[]): Promise<void> {
  await loadModule();
  const sent = sentIn(folder!);
  const databases = await MigratedDatabases.start();
  try {
    const understood = await understand(new Set([...sent.values()].flat()), databases);
    const verdict = judgeRun({ sent, databases: databases.texts, understood, programs });
    const { problems, statements, refused, functions, views } = verdict;
    process.stdout.write(
      `${statements} statements (${verdict.understood} with their tables, ${refused} that PostgreSQL refuses), ${functions} functions, ${views} views judged\n`,
    );
    for (const problem of problems) process.stdout.write(`\n${problem}\n`);
    if (problems.length > 0) process.exitCode = 1;
  } finally {
    await databases.stop();
  }
}

function sentIn(folder: string): Map<string, string[]> {
  return new Map(readdirSync(folder).map((file) => [file, linesOf(readFileSync(join(folder, file), 'utf8'))]));
}

/** A process that was killed may have left half a line at the end. */
const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as string);

const CAN_BE_PREPARED = ['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'];

async function understand(texts: Iterable<string>, databases: MigratedDatabases): Promise<Understood[]> {
  const found: Understood[] = [];
  for (const text of texts) {
    const trees = canBePrepared(text) ? await databases.understood(text) : null;
    if (trees !== null) found.push({ where: 'a statement', text, trees });
  }
  for (const [where, trees] of await databases.functionsUnderstood()) found.push({ where, text: '', trees });
  return found;
}

/** One statement only: of a script PREPARE would take the first, and the rest would run. */
function canBePrepared(text: string): boolean {
  try {
    const statements = parseSync(text).stmts ?? [];
    return statements.length === 1 && CAN_BE_PREPARED.includes(Object.keys(statements[0]!.stmt ?? {})[0] ?? '');
  } catch {
    return false;
  }
}

void check(process.argv.slice(3));
