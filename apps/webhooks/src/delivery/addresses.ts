import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/** The name led to an address that must not be contacted. */
export class RefusedAddress extends Error {
  constructor(readonly address: string) {
    super(`${address} is not a public address`);
    this.name = 'RefusedAddress';
  }
}

/** Globally reachable unicast only; an IPv4 address inside an IPv6 one counts as itself (RFC 6890's tables, by ipaddr.js). */
export function isPublic(address: string): boolean {
  const parsed = ipaddr.parse(address);
  const inner =
    parsed.kind() === 'ipv6' && (parsed as ipaddr.IPv6).isIPv4MappedAddress() ? (parsed as ipaddr.IPv6).toIPv4Address() : parsed;
  return inner.range() === 'unicast';
}

/**
 * The address to connect to. A name is asked once; if any of its answers is not public none is used, since a name that
 * mixes them is trying something. What is checked here is what is connected to.
 */
export async function resolveAddress(host: string, allowPrivate: boolean): Promise<Address> {
  const name = host.startsWith('[') ? host.slice(1, -1) : host;
  const family = isIP(name);
  const answers = family === 0 ? await lookup(name, { all: true }) : [{ address: name, family }];
  const refused = allowPrivate ? undefined : answers.find(({ address }) => !isPublic(address));
  if (refused !== undefined) throw new RefusedAddress(refused.address);
  const [first] = answers;
  return first as Address;
}
