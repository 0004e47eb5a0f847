import { isPublic, RefusedAddress, resolveAddress } from './addresses';

describe('addresses that may be contacted', () => {
  it.each([
    ...[
      '127.0.0.1',
      '0.0.0.0',
      '10.1.2.3',
      '172.16.0.1',
      '192.168.1.1',
      '169.254.169.254',
      '100.64.0.1',
      '192.0.2.1',
      '198.18.0.1',
      '224.0.0.1',
      '255.255.255.255',
    ],
    ...[
      '::1',
      '::',
      'fe80::1',
      'fc00::1',
      'ff02::1',
      '::ffff:127.0.0.1',
      '::ffff:10.0.0.1',
      '64:ff9b::7f00:1',
      '2002:7f00:1::',
      '2001:db8::1',
    ],
  ])('%s is none of them', (address) => expect(isPublic(address)).toBe(false));

  it.each(['93.184.216.34', '8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8'])('%s is one', (address) =>
    expect(isPublic(address)).toBe(true),
  );

  it('refuses literals and names that lead inside, unless the operator allows it', async () => {
    for (const host of ['127.0.0.1', '[::1]', 'localhost']) await expect(resolveAddress(host, false)).rejects.toThrow(RefusedAddress);
    expect((await resolveAddress('127.0.0.1', true)).address).toBe('127.0.0.1');
  });
});
