import type { ProblemKind } from './catalogue';

/** Every code that can be answered, with its status. A product's closed list. */
export type ProblemCatalogue = Readonly<Record<string, ProblemKind>>;

/** A refusal that is not one of the domain's rules: of the transport, of the request's form, of the moment. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    /** Written for the caller. */
    readonly detail: string,
    /** Further members of the document, such as `errors`. */
    readonly extra: Readonly<Record<string, unknown>> = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(`${code}: ${detail}`);
    this.name = 'Problem';
  }
}

/** RFC 9457 with our members. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  retryable: boolean;
  request_id: string;
  [member: string]: unknown;
}

const PROBLEM_PAGES = 'https://docs.softknack.com/works/problems/';

export function problemDocument(
  catalogue: ProblemCatalogue,
  refusal: { readonly code: string; readonly detail: string; readonly extra: Readonly<Record<string, unknown>> },
  requestId: string,
): ProblemDocument {
  const kind = catalogue[refusal.code];
  if (kind === undefined) throw new Error(`The code ${refusal.code} is not in the closed list of problems`);
  return {
    type: PROBLEM_PAGES + refusal.code.replaceAll('_', '-'),
    title: kind.title,
    status: kind.status,
    code: refusal.code,
    detail: refusal.detail,
    retryable: kind.retryable,
    request_id: requestId,
    ...refusal.extra,
  };
}
