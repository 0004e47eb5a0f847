import { hkdfSync } from 'node:crypto';

/** A key of its own for each purpose out of the one secret (HKDF, RFC 5869), so that none can stand in for another. */
export const deriveKey = (secret: string, label: 'caller' | 'cursor' | 'sealing'): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, 'sk-works', label, 32));
