import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Caller } from './caller';

/** The header in which the gateway tells a service who asks. */
export const CALLER_HEADER = 'works-caller';

/** Long enough for a request to arrive, short enough that a leaked header is soon worthless. */
const LIFE_MS = 30_000;

const macOf = (payload: string, key: Buffer): Buffer => createHmac('sha256', key).update(payload).digest();

/** `<base64url of the caller and its expiry>.<HMAC-SHA256>` */
export function signCaller(caller: Caller, key: Buffer, nowMs: number): string {
  const payload = Buffer.from(JSON.stringify({ ...caller, expiresAt: nowMs + LIFE_MS })).toString('base64url');
  return `${payload}.${macOf(payload, key).toString('base64url')}`;
}

export interface VerifiedCaller {
  readonly caller: Caller;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Null for everything that our gateway has not signed, or signed too long ago. */
export function verifyCaller(header: string | undefined, key: Buffer, nowMs: number): VerifiedCaller | null {
  const [payload, mac, ...rest] = (header ?? '').split('.');
  if (!payload || !mac || rest.length > 0) return null;
  const given = Buffer.from(mac, 'base64url');
  const right = macOf(payload, key);
  if (given.length !== right.length || !timingSafeEqual(given, right)) return null;
  const { expiresAt, ...caller } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Caller & { expiresAt: number };
  return expiresAt > nowMs ? { caller, expiresAt } : null;
}
