import { parseSync } from 'libpg-query';
import { together, type StoredTexts } from './catalogue';
import { statementsOf } from './function-statements';
import { shadowedNames } from './shadowed-names';
import { sortedByDefaultCollation } from './sorted-text';

export interface Run {
  /** Texts that processes sent, by the file of the process. */
  readonly sent: ReadonlyMap<string, readonly string[]>;
  /** The migrated databases, by name. */
  readonly databases: ReadonlyMap<string, StoredTexts>;
  /** Statements and functions that PostgreSQL itself has made sense of. */
  readonly understood: readonly Understood[];
  /** Programs that a whole run has to have heard from, as their files' names begin. */
  readonly programs: readonly string[];
}

export interface Understood {
  readonly where: string;
  readonly text: string;
  readonly trees: readonly string[];
}

export interface Verdict {
  readonly problems: readonly string[];
  readonly statements: number;
  /** Of them those whose tables are in a database of the product. */
  readonly understood: number;
  readonly functions: number;
  readonly views: number;
  /** Texts that PostgreSQL refuses: nothing is ordered by them. */
  readonly refused: number;
}

/** Functions with an EXECUTE whose text cannot be had from their own, and why nothing in it orders. */
const UNREAD: Readonly<Record<string, string>> = {
  works_make_partition: 'attaches a partition: its bounds are two constants',
};

/** What may sort text as the database does: a part of its text, or its name, and why the order of bytes is not needed there. */
const ANY_COLLATION: Readonly<Record<string, string>> = {
  'order by e.stream_id, e.version': 'a rebuild walks one unique index from where it stopped, whatever the order of the streams is',
  "select 'a' < 'B' as so": 'asks how the database sorts',
  "from (values ('dlv_b')": 'asks how the database sorts',
  works_events_for: 'the organization is always one; it leads the row so that only the index can answer',
  works_dead_after: 'the organization is always one; it leads the row so that only the index can answer',
  works_oldest_event_at: 'the organization is always one; it leads the row so that only the index can answer',
};

/** Judges every statement of a run. A run without statements is a problem: then nothing was looked at. */
export function judgeRun({ sent, databases, understood, programs }: Run): Verdict {
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
  for (const { where, text, trees } of understood) {
    const sorted = new Set(trees.flatMap(sortedByDefaultCollation));
    if (sorted.size === 0 || Object.keys(ANY_COLLATION).some((part) => text.includes(part) || where.endsWith(` ${part}`))) continue;
    problems.push(`${where}: ${[...sorted].join(', ')} goes by the collation of the database: write … collate "C"\n${indented(text)}`);
  }
  return { problems, statements: texts.size, understood: understood.filter(({ text }) => text !== '').length, functions, views, refused };
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
