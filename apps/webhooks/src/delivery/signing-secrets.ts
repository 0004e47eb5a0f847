import { signatureOf } from './signing';

/** The newest, and those that still sign beside it. */
const SECRETS_MAX = 3;

interface Earlier {
  readonly secret: string;
  readonly endsAtMs: number;
}

/** Secrets as the endpoint's row keeps them: the newest, then each earlier one with the end of its life, `whsec_A whsec_B;1764000000000`. */
function parsed(secrets: string): { newest: string; earlier: Earlier[] } {
  const [newest, ...rest] = secrets.split(' ') as [string, ...string[]];
  const earlier = rest.map((text) => {
    const [secret, endsAtMs] = text.split(';') as [string, string];
    return { secret, endsAtMs: Number(endsAtMs) };
  });
  return { newest, earlier };
}

/** The value of `webhook-signature`: one signature by each secret that lives, newest first, with a space between (Standard Webhooks, "Signature scheme"). */
export function signaturesOf(secrets: string, id: string, at: Date, body: string): string {
  const seconds = Math.floor(at.getTime() / 1_000);
  const { newest, earlier } = parsed(secrets);
  const alive = earlier.filter(({ endsAtMs }) => endsAtMs > at.getTime()).map(({ secret }) => secret);
  return [newest, ...alive].map((secret) => signatureOf(secret, id, seconds, body)).join(' ');
}

/** A new secret in front. The earlier ones end at `endsAt` or when they were to end anyway; the oldest make room. `expireAt` is when only the new one is left. */
export function rotated(
  secrets: string,
  { secret, now, endsAt }: { secret: string; now: Date; endsAt: Date },
): { secrets: string; expireAt: Date | null } {
  const { newest, earlier } = parsed(secrets);
  const kept = [{ secret: newest, endsAtMs: endsAt.getTime() }, ...earlier]
    .map((before) => ({ ...before, endsAtMs: Math.min(before.endsAtMs, endsAt.getTime()) }))
    .filter(({ endsAtMs }) => endsAtMs > now.getTime())
    .slice(0, SECRETS_MAX - 1);
  return {
    secrets: [secret, ...kept.map((before) => `${before.secret};${before.endsAtMs}`)].join(' '),
    expireAt: kept.length === 0 ? null : new Date(Math.max(...kept.map(({ endsAtMs }) => endsAtMs))),
  };
}
