import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { hasSchema } from '../openapi';
import { validate } from './validate';

/** Bodies and queries are held against the schema of their class; an absent body counts as an empty object. */
export class ContractPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type !== 'body' && type !== 'query') return value;
    if (!hasSchema(metatype)) return value;
    const given = type === 'query' ? { ...(value as object) } : value === undefined ? {} : value;
    validate(metatype, given, type);
    return given;
  }
}
