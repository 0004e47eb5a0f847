import fc from 'fast-check';
import { isPublic, mayContact, RefusedAddress, resolveAddresses } from './addresses';
import { HOSTILE_ADDRESSES, PUBLIC_ADDRESSES } from './hostile-addresses.examples';

describe('addresses that may be contacted', () => {
  it.each(Object.entries(HOSTILE_ADDRESSES))('are none that is %s', (_, addresses) => {
    expect(addresses.filter((address) => isPublic(address))).toEqual([]);
    expect(addresses.filter((address) => mayContact(address, false))).toEqual([]);
  });

  it.each(PUBLIC_ADDRESSES)('%s is one', (address) => expect(isPublic(address)).toBe(true));

  it('are, in development, those of the own machine and network too, but never where clouds keep secrets', () => {
    for (const address of ['127.0.0.1', '::1', '10.0.0.1', '192.168.1.1', '172.17.0.1', 'fd12:3456::1', '100.64.0.1', '8.8.8.8']) {
      expect([address, mayContact(address, true)]).toEqual([address, true]);
    }
    for (const kind of ['cloud metadata', 'link-local', 'unspecified', 'multicast', 'mapped IPv4', 'NAT64', '6to4', 'no address']) {
      expect(HOSTILE_ADDRESSES[kind]!.filter((address) => mayContact(address, true))).toEqual([]);
    }
  });

  // Whatever the last 32 bits are: an IPv4 address inside an IPv6 one is a way around the check of the former.
  it('are none that hides an IPv4 address', () => {
    const hex = fc.integer({ min: 0, max: 0xffff }).map((part) => part.toString(16));
    const prefix = fc.constantFrom('::ffff:', '::', '::ffff:0:', '64:ff9b::', '64:ff9b:1::', '2001:0:', '2606:4700::5efe:');
    fc.assert(
      fc.property(prefix, hex, hex, (before, a, b) => !isPublic(before === '2001:0:' ? `2001:0:${a}::${b}` : `${before}${a}:${b}`)),
    );
    fc.assert(fc.property(hex, hex, (a, b) => !isPublic(`2002:${a}:${b}::1`)));
  });

  it('refuses literals and names that lead inside, unless the operator allows it', async () => {
    for (const host of ['127.0.0.1', '[::1]', 'localhost']) await expect(resolveAddresses(host, false)).rejects.toThrow(RefusedAddress);
    expect((await resolveAddresses('127.0.0.1', true))[0].address).toBe('127.0.0.1');
    await expect(resolveAddresses('169.254.169.254', true)).rejects.toThrow(RefusedAddress);
  });
});
