import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { hasSchema } from '../openapi';
import { readQuery } from './query';
import { validate } from './validate';

/** Bodies and queries are held against the schema of their class; an absent body counts as an empty object. */
export class ContractPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type !== 'body' && type !== 'query') return value;
    if (!hasSchema(metatype)) return value;
    const given = type === 'query' ? readQuery(metatype, value as Record<string, unknown>) : value === undefined ? {} : value;
    validate(metatype, given);
    return given;
  }
}
