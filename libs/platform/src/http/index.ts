export { listOf, Operation, RequireScope } from '../openapi';
export * from './answers';
export * from './create-http-app';
export { Unguarded, type Clock } from './door.guard';
export type { FieldError } from './field-errors';
export * from './metrics';
export { Command, CurrentCaller, fingerprintOf, IdParam, Now } from './parameters';
export { invalid } from './validate';
export { admissionOf, type AdmittedRequest } from './request';
