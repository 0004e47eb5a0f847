import { isNode, nodesIn, readTree, word, type Tree, type TreeNode } from './parse-tree';

/** Object ids that PostgreSQL has fixed in pg_operator.dat, pg_proc.dat, pg_type.dat and pg_collation.dat. */
const DEFAULT_COLLATION = '100';
const TEXT = '25';
const TEXT_OPERATORS = ['664', '665', '666', '667'];
const MIN_AND_MAX_OF_TEXT = ['2129', '2145'];

/**
 * What a statement, as PostgreSQL has understood it, orders or compares by the collation of the database: a sort of text, `<` and its siblings,
 * min, max, least, greatest, and row comparisons. Each is said in a few words.
 */
export function sortedByDefaultCollation(parseTree: string): string[] {
  const found: string[] = [];
  for (const node of nodesIn(readTree(parseTree))) {
    const { label, fields } = node;
    const collation = first(fields, 'inputcollid');
    if (label === 'OPEXPR' && TEXT_OPERATORS.includes(first(fields, 'opno')) && collation === DEFAULT_COLLATION)
      found.push('a comparison of text');
    if (label === 'AGGREF' && MIN_AND_MAX_OF_TEXT.includes(first(fields, 'aggfnoid')) && collation === DEFAULT_COLLATION)
      found.push('min or max of text');
    if (label === 'MINMAXEXPR' && first(fields, 'minmaxtype') === TEXT && collation === DEFAULT_COLLATION)
      found.push('greatest or least of text');
    if (label === 'ROWCOMPAREEXPR' && comparesRowsOfText(fields)) found.push('a comparison of rows with text in them');
    if (label === 'QUERY') found.push(...sorts(fields['sortClause'], fields['targetList'], 'order by'));
    if (label === 'AGGREF') found.push(...sorts(fields['aggorder'], fields['args'], 'order by in an aggregate'));
    if (label === 'QUERY')
      for (const window of nodesIn(fields['windowClause'] ?? []))
        if (window.label === 'WINDOWCLAUSE')
          found.push(...sorts(window.fields['orderClause'], fields['targetList'], 'order by of a window'));
  }
  return found;
}

type Fields = TreeNode['fields'];

const first = (fields: Fields, name: string): string => word(fields[name]?.[0]);

/** Equality of the first columns is the usual reason for such a row; the text among them that is only ever equal counts too. */
function comparesRowsOfText(fields: Fields): boolean {
  const [operators, collations] = ['opnos', 'inputcollids'].map((name) => (fields[name]?.[0] ?? []) as readonly Tree[]);
  return operators!.some((operator, place) => TEXT_OPERATORS.includes(word(operator)) && collations![place] === DEFAULT_COLLATION);
}

function sorts(clause: readonly Tree[] | undefined, targets: readonly Tree[] | undefined, words: string): string[] {
  const entries = (Array.isArray(targets?.[0]) ? (targets[0] as readonly Tree[]) : []).filter(isNode);
  return (Array.isArray(clause?.[0]) ? (clause[0] as readonly Tree[]) : []).filter(isNode).flatMap(({ fields }) => {
    const entry = entries.find((target) => first(target.fields, 'ressortgroupref') === first(fields, 'tleSortGroupRef'));
    const sorted = entry?.fields['expr']?.[0];
    if (!TEXT_OPERATORS.includes(first(fields, 'sortop')) || !isNode(sorted) || collationOf(sorted) !== DEFAULT_COLLATION) return [];
    const name = first(entry!.fields, 'resname');
    return [`${words}${name === '<>' ? '' : ` ${name}`}`];
  });
}

/** Of whatever an expression yields; a subquery yields its first column. */
function collationOf({ label, fields }: TreeNode): string {
  if (label === 'COLLATEEXPR') return first(fields, 'collOid');
  const field = Object.keys(fields).find((name) => name !== 'inputcollid' && /coll(id|ation)$/.test(name));
  return field === undefined ? '' : first(fields, field);
}
