import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { hasSchema } from '../openapi';
import { validate } from './validate';

/** Bodies and queries are held against the schema of their class; an absent body counts as an empty object. */
export class ContractPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type !== 'body' && type !== 'query') return value;
    if (!hasSchema(metatype)) return value;
    const given = type === 'query' ? gathered(value as Record<string, unknown>) : value === undefined ? {} : value;
    validate(metatype, given, type);
    return given;
  }
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
  // Made from entries, so that not even a member called __proto__ reaches for a prototype.
  const objects = [...members].map(([parameter, entries]): [string, unknown] => [parameter, Object.fromEntries(entries)]);
  return Object.fromEntries([...objects, ...plain]);
}
