/** The SQLSTATE of a database's refusal; null when the error is not one (appendix A of the PostgreSQL manual). */
export function sqlState(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  // Every SQLSTATE has a digit; EPIPE and its like, which are as long, have none.
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : null;
}

/** The name of the unique constraint or index that refused a row; null for any other error. */
export function violatedConstraint(error: unknown): string | null {
  return sqlState(error) === '23505' ? ((error as { constraint?: string }).constraint ?? null) : null;
}

/** Connection exceptions, insufficient resources, operator intervention (57P0x), I/O errors, a session ended for idling (25P03, 25P04). */
const OUTAGE_STATES = /^(08|53|58|57P0|25P0[34])/;
const OUTAGE_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOENT', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);
/**
 * What pg says without a code when a connection ends under a query, cannot be had in time, or is silent for longer than the server itself would let
 * a statement run.
 */
const OUTAGE_MESSAGES =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable/i;

/** The database is away or overwhelmed: the same statement can succeed later, and nothing is wrong with it. */
export function isOutage(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== null && OUTAGE_STATES.test(state)) return true;
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string' && OUTAGE_CODES.has(code)) return true;
  return error instanceof Error && OUTAGE_MESSAGES.test(error.message);
}
