import { parseSync } from 'libpg-query';
import { together, type StoredTexts } from './catalogue';
import { statementsOf } from './function-statements';
import { shadowedNames } from './shadowed-names';

export interface Run {
  /** Texts that processes sent, by the file of the process. */
  readonly sent: ReadonlyMap<string, readonly string[]>;
  /** The migrated databases, by name. */
  readonly databases: ReadonlyMap<string, StoredTexts>;
  /** Programs that a whole run has to have heard from, as their files' names begin. */
  readonly programs: readonly string[];
}

export interface Verdict {
  readonly problems: readonly string[];
  readonly statements: number;
  readonly functions: number;
  readonly views: number;
  /** Texts that PostgreSQL refuses: nothing is ordered by them. */
  readonly refused: number;
}

/** Functions with an EXECUTE whose text cannot be had from their own, and why nothing in it orders. */
const UNREAD: Readonly<Record<string, string>> = {
  works_make_partition: 'attaches a partition: its bounds are two constants',
};

/** Judges every statement of a run. A run without statements is a problem: then nothing was looked at. */
export function judgeRun({ sent, databases, programs }: Run): Verdict {
  const problems: string[] = [];
  const catalogue = together([...databases.values()]);
  const texts = new Set([...sent.values()].flat());
  let refused = 0;
  if (texts.size === 0) problems.push('No statement was recorded: run it together with int, e2e or chaos.');
  for (const program of programs) {
    if (![...sent.keys()].some((file) => file.startsWith(program))) problems.push(`No statement of ${program} was recorded.`);
  }
  for (const text of texts) {
    if (!judgeText(text, 'a statement', catalogue, problems)) refused += 1;
  }

  let functions = 0;
  let views = 0;
  for (const [database, stored] of databases) {
    for (const one of stored.functions) {
      functions += 1;
      const where = `${database}, function ${one.name}`;
      const { statements, unread } = statementsOf(one, catalogue.columns.keys());
      for (const statement of new Set(statements)) {
        if (!judgeText(statement, where, catalogue, problems)) problems.push(`${where}: this cannot be parsed: ${statement}`);
      }
      for (const text of unread) {
        if (!(one.name in UNREAD)) problems.push(`${where} executes a text that cannot be read: ${text}`);
      }
    }
    for (const { name, definition } of stored.views) {
      views += 1;
      judgeText(definition, `${database}, view ${name}`, catalogue, problems);
    }
  }
  return { problems, statements: texts.size, functions, views, refused };
}

/** False for a text that the parser refuses. */
function judgeText(text: string, where: string, catalogue: Parameters<typeof shadowedNames>[1], problems: string[]): boolean {
  let parsed;
  try {
    parsed = parseSync(text);
  } catch {
    return false;
  }
  for (const { stmt } of parsed.stmts ?? []) {
    for (const { problem } of stmt ? shadowedNames(stmt, catalogue) : []) problems.push(`${where}: ${problem}\n${indented(text)}`);
  }
  return true;
}

const indented = (text: string): string => text.trim().replace(/^/gm, '    ');
