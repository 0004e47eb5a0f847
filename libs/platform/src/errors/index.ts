/**
 * The rules of the domain say no. `code` is one of the closed list of problems; `detail` is written for the caller.
 * Anything else that is thrown is a bug or an outage, never an answer.
 */
export class RuleViolation extends Error {
  constructor(
    readonly code: string,
    readonly detail: string,
    /** Further members of the problem document, such as `blocked_by` or `errors`. */
    readonly extra: Readonly<Record<string, unknown>> = {},
  ) {
    super(`${code}: ${detail}`);
    this.name = 'RuleViolation';
  }
}

/** Ends every switch over a union: the compiler refuses a forgotten case, and a corrupt value is named at run time. */
export function unreachable(value: never): never {
  throw new Error(`Not a case that exists: ${JSON.stringify(value)}`);
}
