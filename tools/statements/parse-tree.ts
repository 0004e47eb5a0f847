/** A node as `debug_print_parse` writes it: its label, its fields, and in a list or a field of several words those in turn. */
export interface TreeNode {
  readonly label: string;
  readonly fields: Readonly<Record<string, readonly Tree[]>>;
}
export type Tree = TreeNode | readonly Tree[] | string;

export const isNode = (tree: Tree | undefined): tree is TreeNode => typeof tree === 'object' && 'label' in tree;

/** A tree that is one word; empty for any other. */
export const word = (tree: Tree | undefined): string => (typeof tree === 'string' ? tree : '');

/** Reads the text form of PostgreSQL's nodes (outfuncs.c), written on one line. */
export function readTree(text: string): Tree[] {
  const words = text.match(/(?:\\.|[^\s(){}\\])+|[(){}]/gs) ?? [];
  let at = 0;
  const until = (end: string | undefined): Tree[] => {
    const found: Tree[] = [];
    while (at < words.length && words[at] !== end) found.push(next());
    at += 1;
    return found;
  };
  const next = (): Tree => {
    const found = words[at++]!;
    if (found === '(') return until(')');
    if (found !== '{') return found;
    const [label, ...rest] = until('}');
    const fields: Record<string, Tree[]> = {};
    let field: Tree[] = [];
    for (const part of rest) {
      if (typeof part === 'string' && /^:[a-z]/i.test(part)) field = fields[part.slice(1)] = [];
      else field.push(part);
    }
    return { label: word(label), fields };
  };
  return until(undefined);
}

/** Every node in a tree, the outer before the inner. */
export function* nodesIn(tree: Tree | readonly Tree[]): Generator<TreeNode> {
  if (typeof tree === 'string') return;
  if (isNode(tree)) {
    yield tree;
    for (const parts of Object.values(tree.fields)) yield* nodesIn(parts);
  } else for (const part of tree) yield* nodesIn(part);
}
