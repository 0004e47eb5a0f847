import { mayContact } from '../delivery/addresses';
import { HOSTILE_URLS, PLAIN_URLS } from '../delivery/hostile-addresses.examples';
import { checkAddress, checkHeaders, refusalOf } from './endpoint-address';

const production = { allowPrivate: false, mayContact };
const development = { allowPrivate: true, mayContact };

describe('the address of an endpoint', () => {
  it.each(HOSTILE_URLS)('is not %s', (url, refusal) => expect(refusalOf(url, production)).toMatch(refusal));

  it.each(PLAIN_URLS)('may be %s, kept as %s', (url, kept) => {
    expect(refusalOf(url, production)).toBeNull();
    expect(new URL(url).href).toBe(kept);
  });

  it('may be on the own machine in development, on any port and without TLS, but never where clouds keep secrets', () => {
    for (const url of ['http://127.0.0.1:3000/hooks', 'http://localhost:3000/', 'http://192.168.1.5/', 'https://[::1]:9999/']) {
      expect([url, refusalOf(url, development)]).toEqual([url, null]);
    }
    for (const url of [
      'http://169.254.169.254/',
      'http://[fd00:ec2::254]/',
      'http://[::ffff:127.0.0.1]/',
      'ftp://127.0.0.1/',
      'http://a:b@c/',
    ]) {
      expect([url, refusalOf(url, development)]).toEqual([url, expect.any(String)]);
    }
  });

  it('is refused by the name of its field', () => {
    expect(() => checkAddress('http://example.com/', production)).toThrow(
      expect.objectContaining({ code: 'endpoint_url_refused', extra: { errors: [expect.objectContaining({ pointer: '/url' })] } }),
    );
  });

  it('comes with headers of the caller, but with none that we set or that would change the request', () => {
    checkHeaders({ Authorization: 'Bearer x', 'X-Team': 'ops' });
    for (const name of [
      'Host',
      'content-length',
      'Content-Type',
      'transfer-encoding',
      'webhook-id',
      'Webhook-Signature',
      'svix-id',
      'Cookie',
      'TE',
    ]) {
      expect(() => checkHeaders({ [name]: 'x' })).toThrow(expect.objectContaining({ code: 'validation_failed' }));
    }
  });

  it('has each header once, in whatever letters', () => {
    expect(() => checkHeaders({ 'X-Team': 'ops', 'x-team': 'dev', 'webhook-~': 'x' })).toThrow(
      expect.objectContaining({
        extra: {
          errors: [
            expect.objectContaining({ pointer: '/headers/x-team', code: 'duplicate' }),
            expect.objectContaining({ pointer: '/headers/webhook-~0', code: 'not_allowed' }),
          ],
        },
      }),
    );
  });
});
