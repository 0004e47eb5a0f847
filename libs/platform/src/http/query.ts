import { schemaOf, type ContractClass, type JsonSchema } from '../openapi';

/** Query parameters arrive as text, and are read as what the schema says. What cannot be read stays text, which the schema then refuses. */
export function readQuery(of: ContractClass, query: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const properties = schemaOf(of)['properties'] as Readonly<Record<string, JsonSchema>>;
  // Made from entries, so that not even a parameter called __proto__ reaches for a prototype.
  return Object.fromEntries(
    Object.entries(gathered(query)).map(([name, value]) => [
      name,
      Object.hasOwn(properties, name) && typeof value === 'string' ? readAs(properties[name]!, value) : value,
    ]),
  );
}

// Decimal digits alone: JavaScript would read `1e1`, `0x10`, ` 5` and nothing at all as numbers too.
const DECIMAL = /^-?\d+$/;

/** The plus of an offset that was not escaped has become a blank, as in a form (`+05:30` is to be sent as `%2B05:30`); it means nothing else there. */
const BLANK_FOR_PLUS = /^(\S+T\S+) (\d\d:\d\d)$/i;

function readAs({ type, format }: JsonSchema, text: string): unknown {
  if (format === 'date-time') return text.replace(BLANK_FOR_PLUS, '$1+$2');
  if (type === 'integer') return DECIMAL.test(text) ? Number(text) : text;
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  return text;
}

const MEMBER = /^([a-z_]+)\[(.*)\]$/s;

/** `metadata[po]=4711` is the member `po` of the parameter `metadata` (OpenAPI calls this style deepObject). */
function gathered(query: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const plain: [string, unknown][] = [];
  const members = new Map<string, [string, unknown][]>();
  for (const [name, value] of Object.entries(query)) {
    const [, parameter, member] = MEMBER.exec(name) ?? [];
    if (parameter === undefined) plain.push([name, value]);
    else members.set(parameter, [...(members.get(parameter) ?? []), [member!, value]]);
  }
  const objects = [...members].map(([parameter, entries]): [string, unknown] => [parameter, Object.fromEntries(entries)]);
  return Object.fromEntries([...objects, ...plain]);
}
