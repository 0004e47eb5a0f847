import { schemaOf, type ContractClass, type JsonSchema } from '../openapi';

/** Query parameters arrive as text, and are read as what the schema says. What cannot be read stays text, which the schema then refuses. */
export function readQuery(of: ContractClass, query: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const properties = schemaOf(of)['properties'] as Readonly<Record<string, JsonSchema>>;
  // Made from entries, so that not even a parameter called __proto__ reaches for a prototype.
  return Object.fromEntries(
    Object.entries(gathered(query)).map(([name, value]) => [
      name,
      Object.hasOwn(properties, name) && typeof value === 'string' ? readAs(properties[name]!['type'], value) : value,
    ]),
  );
}

// Decimal digits alone: JavaScript would read `1e1`, `0x10`, ` 5` and nothing at all as numbers too.
const DECIMAL = /^-?\d+$/;

function readAs(type: unknown, text: string): unknown {
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
