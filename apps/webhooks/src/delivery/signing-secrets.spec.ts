import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { newSigningSecret } from './signing';
import { rotated, signaturesOf } from './signing-secrets';

const HOUR_MS = 3_600_000;
const now = new Date();
const later = (hours: number): Date => new Date(now.getTime() + hours * HOUR_MS);
const verifies = (secret: string, signatures: string, at: Date): boolean => {
  const headers = { 'webhook-id': 'evt_1', 'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)), 'webhook-signature': signatures };
  try {
    new Webhook(secret).verify('{"a":1}', headers);
    return true;
  } catch {
    return false;
  }
};

describe('the secrets of an endpoint', () => {
  const [first, second, third, fourth] = [newSigningSecret(), newSigningSecret(), newSigningSecret(), newSigningSecret()];

  it('sign together while they overlap, and the earlier no longer once its time has come', () => {
    const { secrets, expireAt } = rotated(first, { secret: second, now, endsAt: now });
    expect([secrets, expireAt]).toEqual([second, null]);
    const overlapping = rotated(first, { secret: second, now, endsAt: new Date(now.getTime() + 60_000) });
    const during = signaturesOf(overlapping.secrets, 'evt_1', now, '{"a":1}');
    expect(during.split(' ')).toHaveLength(2);
    expect([verifies(first, during, now), verifies(second, during, now), verifies(third, during, now)]).toEqual([true, true, false]);
    const at = overlapping.expireAt!;
    const after = signaturesOf(overlapping.secrets, 'evt_1', at, '{"a":1}');
    expect([verifies(first, after, at), verifies(second, after, at)]).toEqual([false, true]);
  });

  it('are three at most: the oldest makes room', () => {
    const two = rotated(first, { secret: second, now, endsAt: later(168) });
    const three = rotated(two.secrets, { secret: third, now, endsAt: later(168) });
    const still = rotated(three.secrets, { secret: fourth, now, endsAt: later(168) });
    const signatures = signaturesOf(still.secrets, 'evt_1', now, '{"a":1}');
    expect([first, second, third, fourth].map((secret) => verifies(secret, signatures, now))).toEqual([false, true, true, true]);
    expect(signatures.split(' ')).toHaveLength(3);
  });

  // Somebody whose secret has leaked wants none but the new one, whatever was agreed before.
  it('all end with a rotation that asks for no overlap, and none lives longer for a new one', () => {
    const two = rotated(first, { secret: second, now, endsAt: later(24) });
    expect(rotated(two.secrets, { secret: third, now, endsAt: now })).toEqual({ secrets: third, expireAt: null });
    const three = rotated(two.secrets, { secret: third, now, endsAt: later(100) });
    expect(three.expireAt).toEqual(later(100));
    const at = later(50);
    expect(signaturesOf(three.secrets, 'evt_1', at, '').split(' ')).toHaveLength(2);
  });

  it('sign with the newest always, with at most three, and with those alone that live', () => {
    const step = fc.record({ waitHours: fc.nat({ max: 200 }), overlapHours: fc.nat({ max: 168 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
        let at = now;
        let secrets: string = first;
        let newest: string = first;
        for (const { waitHours, overlapHours } of steps) {
          at = new Date(at.getTime() + waitHours * HOUR_MS);
          newest = newSigningSecret();
          const result = rotated(secrets, { secret: newest, now: at, endsAt: new Date(at.getTime() + overlapHours * HOUR_MS) });
          secrets = result.secrets;
          const count = signaturesOf(secrets, 'evt_1', at, '').split(' ').length;
          expect(count).toBeLessThanOrEqual(3);
          expect(result.expireAt === null).toBe(count === 1);
          if (result.expireAt !== null) expect(signaturesOf(secrets, 'evt_1', result.expireAt, '').split(' ')).toHaveLength(1);
        }
        expect(signaturesOf(secrets, 'evt_1', at, '{}').split(' ')[0]).toBe(signaturesOf(newest, 'evt_1', at, '{}'));
      }),
    );
  });
});
