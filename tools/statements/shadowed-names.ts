import type { Node, SelectStmt } from 'libpg-query';
import type { Catalogue } from './catalogue';
import { all, Inputs, type Columns, type Named, type Output } from './inputs';
import { namesOf } from './output-name';

export interface ShadowedName {
  readonly clause: 'order by' | 'group by' | 'distinct on';
  readonly name: string;
  /** What is wrong, and what to write instead. */
  readonly problem: string;
}

/**
 * PostgreSQL lets a bare name in ORDER BY and DISTINCT ON mean an output column first (SQL-92), and GROUP BY an input column first. So
 * `select position::text from events order by position` sorts text: 100 before 99. Refused is every bare name there that an output column
 * carries which is not the input column of that name, as long as there is such an input column, or may be.
 * Not refused is GROUP BY of a name that nobody wrote with AS: it means the input column, and reads so.
 * Nor may a query order by a column that a query within it has made text under the column's own name.
 */
export function shadowedNames(statement: Node, catalogue: Catalogue): ShadowedName[] {
  const judge = new Judge(catalogue);
  judge.visit(statement, new Map());
  return judge.found;
}

class Judge {
  readonly found: ShadowedName[] = [];
  private readonly inputs: Inputs;
  private readonly everyName: ReadonlySet<string>;

  constructor(catalogue: Catalogue) {
    this.inputs = new Inputs(catalogue);
    this.everyName = new Set([...catalogue.columns.values()].flatMap((names) => [...names]));
  }

  /** Every query within a piece of a statement, with what WITH has named around it. */
  visit(piece: unknown, names: Named): void {
    if (typeof piece !== 'object' || piece === null) return;
    if (Array.isArray(piece)) return piece.forEach((each) => this.visit(each, names));
    for (const [kind, content] of Object.entries(piece as Record<string, unknown>)) {
      if (kind === 'larg' && isSelect(content)) this.visitSelect(content, names);
      else if (kind === 'rarg' && isSelect(content)) this.visitSelect(content, names);
      else if (kind === 'SelectStmt') this.visitSelect(content as SelectStmt, names);
      else if (hasWith(content)) this.visitWithin(content, names);
      else this.visit(content, names);
    }
  }

  private visitSelect(select: SelectStmt, names: Named): void {
    const inner = this.inputs.named(select.withClause, names);
    this.judge(select, inner);
    this.visitWithin(select, names);
  }

  /** The queries of WITH see those before them; the rest sees them all. */
  private visitWithin(statement: { withClause?: SelectStmt['withClause'] }, names: Named): void {
    const { withClause, ...rest } = statement;
    const inner = this.inputs.named(withClause, names);
    this.visit(withClause?.ctes, inner);
    this.visit(rest, inner);
  }

  private judge(select: SelectStmt, names: Named): void {
    for (const { clause, node } of clausesOf(select)) {
      if (!('ColumnRef' in node)) continue;
      const path = namesOf(node.ColumnRef.fields);
      const [name] = path;
      if (name === undefined || node.ColumnRef.fields?.length !== path.length) continue;
      if (path.length === 1) this.judgeBareName(clause, name, select, names);
      this.judgeMadeText(clause, path, select, names);
    }
  }

  private judgeBareName(clause: ShadowedName['clause'], name: string, select: SelectStmt, names: Named): void {
    for (const arm of armsOf(select, this.inputs, names)) {
      const output = arm.at(name);
      if (output === undefined || output.plain || (clause === 'group by' && !output.aliased)) continue;
      const inputs = all(this.inputs.sources(arm.select.fromClause, arm.names));
      if (!this.mayHold(inputs, name)) continue;
      const means =
        clause === 'group by' ? 'the input column, not the output column' : 'the output column, which is computed, not the input column';
      const way = select.larg
        ? `give the output column another name (… as ${name}_text), or order a query around this one`
        : `write ${clause} <table>.${name} for the input column, or give the output column another name`;
      this.found.push({ clause, name, problem: `${clause} ${name} means ${means} of that name: ${way}` });
      return;
    }
  }

  private judgeMadeText(clause: ShadowedName['clause'], path: readonly string[], select: SelectStmt, names: Named): void {
    if (clause === 'group by' || select.larg) return;
    const input = this.inputs.referredTo(path, this.inputs.sources(select.fromClause, names));
    if (!input?.madeText) return;
    const name = path.join('.');
    const problem = `${clause} ${name} sorts text: the query within has made that column text under its own name. Cast where it is put out last, or call it ${path.at(-1)}_text`;
    this.found.push({ clause, name, problem });
  }

  private mayHold(inputs: Columns, name: string): boolean {
    return inputs.outputs.some((input) => input.name === name) || (inputs.open && this.everyName.has(name));
  }
}

interface Arm {
  readonly select: SelectStmt;
  readonly names: Named;
  at(name: string): Output | undefined;
}

/** The queries that ORDER BY stands behind: one, or those that a set operation joins, whose columns are named by the first and meet by place. */
function armsOf(select: SelectStmt, inputs: Inputs, names: Named): Arm[] {
  const leaves = (part: SelectStmt, outer: Named): { select: SelectStmt; names: Named }[] =>
    part.larg && part.rarg
      ? [part.larg, part.rarg].flatMap((arm) => leaves(arm, inputs.named(arm.withClause, outer)))
      : [{ select: part, names: outer }];
  const arms = leaves(select, names);
  const first = inputs.outputsOfSelect(arms[0]!.select, arms[0]!.names).outputs;
  return arms.map((arm, index) => {
    const outputs = index === 0 ? first : inputs.outputsOfSelect(arm.select, arm.names).outputs;
    // Of several that carry the name, one that is computed is what matters.
    const places = (name: string): Output[] =>
      first.flatMap((output, place) => (output.name === name && outputs[place] ? [outputs[place]] : []));
    return { ...arm, at: (name) => places(name).find((output) => !output.plain) ?? places(name)[0] };
  });
}

function clausesOf(select: SelectStmt): { clause: ShadowedName['clause']; node: Node }[] {
  const order = (select.sortClause ?? []).flatMap((sort) => ('SortBy' in sort && sort.SortBy.node ? [sort.SortBy.node] : []));
  const grouped = (nodes: readonly Node[] = []): Node[] =>
    nodes.flatMap((node) => ('GroupingSet' in node ? grouped(node.GroupingSet.content) : [node]));
  // Plain DISTINCT is a list with one empty entry.
  const distinct = (select.distinctClause ?? []).filter((node) => Object.keys(node).length > 0);
  return [
    ...order.map((node) => ({ clause: 'order by' as const, node })),
    ...grouped(select.groupClause).map((node) => ({ clause: 'group by' as const, node })),
    ...distinct.map((node) => ({ clause: 'distinct on' as const, node })),
  ];
}

const isSelect = (content: unknown): content is SelectStmt =>
  typeof content === 'object' && content !== null && ('targetList' in content || 'valuesLists' in content || 'larg' in content);

const hasWith = (content: unknown): content is { withClause: NonNullable<SelectStmt['withClause']> } =>
  typeof content === 'object' && content !== null && 'withClause' in content;
