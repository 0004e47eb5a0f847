import { Client } from 'pg';

export interface StoredFunction {
  readonly name: string;
  readonly language: 'plpgsql' | 'sql';
  /** As `pg_get_functiondef` gives it. */
  readonly definition: string;
  /** What stands between its quotes; null for a body that PostgreSQL keeps parsed. */
  readonly body: string | null;
}

/** What the databases know and a statement's text does not say. */
export interface Catalogue {
  /** Columns of every table, view and composite type, by name without its schema. */
  readonly columns: ReadonlyMap<string, ReadonlySet<string>>;
  /** What a call of a function yields in FROM; null where its arguments or its caller decide. */
  readonly yields: ReadonlyMap<string, ReadonlySet<string> | 'scalar' | null>;
}

const COLUMNS = `
  select c.relname as name, array_agg(a.attname::text) as columns from pg_class c join pg_attribute a on a.attrelid = c.oid
   where c.relkind in ('r', 'v', 'm', 'f', 'p', 'c') and not a.attisdropped group by c.relname`;

const YIELDS = `
  select p.proname as name, array_agg(distinct p.prorettype::regtype::text) as types, bool_or(t.typtype = 'p' and t.typname <> 'void') as depends,
         array_agg(distinct c.relname::text) filter (where c.oid is not null) as relations,
         (select array_agg(distinct n) from pg_proc o, unnest(o.proargnames, o.proargmodes) u (n, mode)
           where o.proname = p.proname and mode in ('o', 'b', 't')) as named
    from pg_proc p join pg_type t on t.oid = p.prorettype left join pg_class c on c.oid = t.typrelid group by p.proname`;

const FUNCTIONS = `
  select p.proname as name, l.lanname as language, pg_get_functiondef(p.oid) as definition, case when p.prosqlbody is null then p.prosrc end as body
    from pg_proc p join pg_language l on l.oid = p.prolang
   where p.pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) and p.prokind in ('f', 'p')
     and l.lanname in ('sql', 'plpgsql') and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e') order by p.oid`;

const VIEWS = `
  select c.relname as name, pg_get_viewdef(c.oid) as definition from pg_class c
   where c.relkind in ('v', 'm') and c.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)`;

export interface StoredTexts extends Catalogue {
  readonly functions: readonly StoredFunction[];
  readonly views: readonly { readonly name: string; readonly definition: string }[];
}

/** Everything of a migrated database that holds statements, or gives their names a meaning. */
export async function readCatalogue(url: string): Promise<StoredTexts> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const columns = await client.query<{ name: string; columns: string[] }>(COLUMNS);
    const yields = await client.query<{ name: string; depends: boolean; relations: string[] | null; named: string[] | null }>(YIELDS);
    const columnsOf = new Map(columns.rows.map(({ name, columns: names }) => [name, new Set(names)]));
    return {
      columns: columnsOf,
      yields: new Map(
        yields.rows.map(({ name, depends, relations, named }) => {
          const known = new Set([...(named ?? []), ...(relations ?? []).flatMap((relation) => [...(columnsOf.get(relation) ?? [])])]);
          return [name, known.size > 0 ? known : depends ? null : 'scalar'];
        }),
      ),
      functions: (await client.query<StoredFunction>(FUNCTIONS)).rows,
      views: (await client.query<{ name: string; definition: string }>(VIEWS)).rows,
    };
  } finally {
    await client.end();
  }
}

/** One catalogue of several databases: a name means what it means in any of them. */
export function together(catalogues: readonly Catalogue[]): Catalogue {
  const columns = new Map<string, Set<string>>();
  const yields = new Map<string, ReadonlySet<string> | 'scalar' | null>();
  for (const one of catalogues) {
    for (const [name, names] of one.columns) columns.set(name, new Set([...(columns.get(name) ?? []), ...names]));
    for (const [name, result] of one.yields) if (!yields.has(name) || yields.get(name) === 'scalar') yields.set(name, result);
  }
  return { columns, yields };
}
