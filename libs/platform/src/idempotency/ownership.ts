/**
 * Who owns an idempotency key, across services, gateways and crashes: the protocol as pure functions. A key belongs to one service at a time. The
 * gateway claims it before it forwards a mutation; a claim that another service holds moves only after that service has promised, durably, that no
 * request under the former claim will have an effect any more. Statements in the databases do what the functions here say (ADR 16).
 */

/** `generation` is a fencing token: it grows each time the key moves, and when its owner comes back to a key that another service has asked for. */
export interface Claim {
  readonly service: string;
  readonly generation: number;
}

/** The gateway's row of a key. `contested`: another service has asked for it, so its owner may have given the key away by now. */
export interface ClaimRow extends Claim {
  readonly contested: boolean;
}

/** What a service's own record says of a key: an answer under a request's fingerprint, or up to which generation the key was given away. */
export type KeyRecord = { readonly fingerprint: string } | { readonly released: number };

/** What a service says when it is asked to give a key away. */
export type Release = 'released' | 'kept' | 'in_use';

/** What a gateway does next for a mutation that is meant for one service. */
export type Step =
  | { readonly do: 'claim' }
  /** Ask the owner to give the key away. */
  | { readonly do: 'release'; readonly claim: Claim }
  /** Move the claim here, if it still is what it was. */
  | { readonly do: 'move'; readonly from: Claim }
  /** The owner keeps the key. Does the service that the request is meant for remember it all the same, from before there were claims? */
  | { readonly do: 'ask_own'; readonly claim: Claim }
  | { readonly do: 'forward'; readonly generation: number }
  | { readonly do: 'refuse'; readonly code: 'idempotency_key_reused' | 'idempotency_key_in_use' };

export const afterClaim = (service: string, claim: Claim): Step =>
  claim.service === service ? { do: 'forward', generation: claim.generation } : { do: 'release', claim };

export function afterRelease(claim: Claim, release: Release): Step {
  if (release === 'released') return { do: 'move', from: claim };
  return release === 'kept' ? { do: 'ask_own', claim } : { do: 'refuse', code: 'idempotency_key_in_use' };
}

/** Null: somebody else has moved it meanwhile, so everything is asked anew. */
export const afterMove = (moved: Claim | null): Step =>
  moved === null ? { do: 'claim' } : { do: 'forward', generation: moved.generation };

/** A service that keeps a record answers by it, whoever owns the key: with the first answer, or with its own refusal. */
export function afterAskingOwn(claim: Claim, release: Release): Step {
  if (release === 'kept') return { do: 'forward', generation: claim.generation };
  return { do: 'refuse', code: release === 'in_use' ? 'idempotency_key_in_use' : 'idempotency_key_reused' };
}

/**
 * The gateway's row of a key after a claim for a service: who owns it already goes on owning it. A generation that was contested is left behind: the
 * owner may have promised that nothing of it will happen, and whoever asked may have died before the claim moved.
 */
export function claimed(row: ClaimRow | null, service: string): ClaimRow {
  if (row === null) return { service, generation: 1, contested: false };
  if (row.service !== service) return { ...row, contested: true };
  return row.contested ? { service, generation: row.generation + 1, contested: false } : row;
}

/** After a move: only from exactly the claim that was released. Null when it was another one. */
export const moved = (row: ClaimRow | null, from: Claim, service: string): ClaimRow | null =>
  row !== null && row.service === from.service && row.generation === from.generation
    ? { service, generation: from.generation + 1, contested: false }
    : null;

/** A service's record after it was asked to give a key away. One of a newer generation stands: the question was late. */
export function released(record: KeyRecord | null, generation: number): { record: KeyRecord; release: Release } {
  if (record !== null && 'fingerprint' in record) return { record, release: 'kept' };
  return { record: { released: Math.max(record?.released ?? 0, generation) }, release: 'released' };
}

/** A service's record before a request of this generation runs: the key has come back since it was given away. */
export const reopened = (record: KeyRecord | null, generation: number): KeyRecord | null =>
  record !== null && 'released' in record && record.released < generation ? null : record;

const RELEASED = 'released:';

/** How a record says that its key was given away: no request has such a fingerprint, so whatever comes under the key meets it and does nothing. */
export const releasedFingerprint = (generation: number): string => RELEASED + generation;

/** The generation up to which the key was given away; null for the fingerprint of a request. */
export const releasedOf = (fingerprint: string): number | null =>
  fingerprint.startsWith(RELEASED) ? Number(fingerprint.slice(RELEASED.length)) : null;

/** Where a service is asked to give a key away: `POST ?generation=<n>` with the signed caller and the `Idempotency-Key`; answers `{ "release": Release }`. */
export const RELEASE_PATH = '/internal/idempotency/release';

/** A service that is asked waits this long for a request that is at work under the key. */
export const RELEASE_ANSWER_MS = 5_000;

/** In which the gateway tells a service the generation of its claim, once that is not the first. */
export const CLAIM_HEADER = 'works-claim';
