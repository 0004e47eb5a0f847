/** What keeps a draft from being published: where (RFC 6901), what kind, and what would be right. */
export interface Fault {
  readonly pointer: string;
  readonly code: 'duplicate' | 'too_few' | 'too_many' | 'too_large' | 'not_a_date' | 'unknown_key' | 'cycle' | 'not_computable';
  readonly detail: string;
}
