import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { newSigningSecret, signatureOf } from './signing';

/** What receivers have, unchanged: the library of the standard, and that of the service which many come from. */
const LIBRARIES = { standardwebhooks: Webhook, svix: SvixWebhook };

describe.each(Object.entries(LIBRARIES))('signatures, to the library %s,', (_, Library) => {
  const now = () => Math.floor(Date.now() / 1_000);
  const headers = (signature: string, timestamp: number) => ({
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signature,
  });

  it('are genuine, whatever the body', () => {
    fc.assert(
      fc.property(fc.json(), (body) => {
        const secret = newSigningSecret();
        const timestamp = now();
        expect(() => new Library(secret).verify(body, headers(signatureOf(secret, 'evt_1', timestamp, body), timestamp))).not.toThrow();
      }),
    );
  });

  it('cover the body, the id and the time', () => {
    const secret = newSigningSecret();
    const timestamp = now();
    const signature = signatureOf(secret, 'evt_1', timestamp, '{"a":1}');
    const verify = (body: string, id: string, at: number, by = secret) =>
      new Library(by).verify(body, { ...headers(signature, at), 'webhook-id': id });
    expect(() => verify('{"a":2}', 'evt_1', timestamp)).toThrow();
    expect(() => verify('{"a":1}', 'evt_2', timestamp)).toThrow();
    expect(() => verify('{"a":1}', 'evt_1', timestamp - 1)).toThrow();
    expect(() => verify('{"a":1}', 'evt_1', timestamp, newSigningSecret())).toThrow();
    expect(() => verify('{"a":1}', 'evt_1', timestamp)).not.toThrow();
  });
});
