import 'reflect-metadata';
import type { ContractClass } from './schemas';

/** The list shape around one kind of row; becomes the component `<Row>List`. */
export interface ListOfRows {
  readonly rows: ContractClass;
}

export const listOf = (rows: ContractClass): ListOfRows => ({ rows });

/** What the document says of one route, and what the door checks before the handler runs. */
export interface OperationText {
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  readonly body?: ContractClass;
  readonly query?: ContractClass;
  /** It may take its time to answer (long poll): the gateway forwards it on connections of their own, so that those who wait hold nobody up. */
  readonly waits?: true;
  readonly answers: Readonly<Record<number, ContractClass | ListOfRows | null>>;
  /** Codes of the closed list that this operation can answer beyond those that any can. */
  readonly refuses?: readonly string[];
}

const OPERATION = 'works:operation';
const SCOPE = 'works:scope';
const PATH_IDS = 'works:path-ids';

/** Describes a route; everything else about it is read from its own decorators. */
export const Operation =
  (text: OperationText): MethodDecorator =>
  (target, property, descriptor) => {
    Reflect.defineMetadata(
      OPERATION,
      { ...text, operationId: operationIdOf(target.constructor.name, String(property)) },
      descriptor.value as object,
    );
  };

/** The scope a key must have; refused with 403 before anything is looked up, so that nothing leaks. */
export const RequireScope =
  (scope: string): MethodDecorator =>
  (_target, _property, descriptor) => {
    Reflect.defineMetadata(SCOPE, scope, descriptor.value as object);
  };

/** Notes that a path parameter is an id with this prefix. */
export function notePathId(target: object, property: string | symbol, name: string, prefix: string): void {
  const handler = (target as Record<string | symbol, object>)[property]!;
  Reflect.defineMetadata(PATH_IDS, { ...pathIdsOf(handler), [name]: prefix }, handler);
}

export const operationOf = (handler: object): (OperationText & { operationId: string }) | undefined =>
  Reflect.getMetadata(OPERATION, handler) as (OperationText & { operationId: string }) | undefined;

export const scopeOf = (handler: object): string | undefined => Reflect.getMetadata(SCOPE, handler) as string | undefined;

export const pathIdsOf = (handler: object): Record<string, string> =>
  (Reflect.getMetadata(PATH_IDS, handler) as Record<string, string> | undefined) ?? {};

/** A controller of one route gives its name (`CompleteTask`); one of several gives the method's (`listEndpoints`). */
function operationIdOf(controller: string, method: string): string {
  const name = method.length > 6 && /[A-Z]/.test(method) ? method : controller;
  return name.charAt(0).toLowerCase() + name.slice(1);
}
