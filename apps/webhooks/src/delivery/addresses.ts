import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/** The endpoint leads to where nothing may be sent. */
export class RefusedAddress extends Error {
  override readonly name = 'RefusedAddress';
  readonly code = 'REFUSED_ADDRESS';
}

/** Where clouds tell machines their secrets. These stay closed in development too: a laptop has none, a borrowed machine may. */
const METADATA = new Set(['168.63.129.16', '100.100.100.200', 'fd00:ec2::254', 'fd20:ce::254'].map(normalized));

/** A developer's own machine and network. Link-local addresses are not among them: 169.254.169.254 is one. */
const DEVELOPMENT = new Set(['loopback', 'private', 'uniqueLocal', 'carrierGradeNat']);

/**
 * Globally reachable unicast only (the special-purpose registries of RFC 6890, by ipaddr.js). Of IPv6 just 2000::/3, all that is given out
 * today, without what leads to an IPv4 address by another way: mapped, compatible, translated (NAT64), 6to4, Teredo, ISATAP.
 */
export function isPublic(address: string): boolean {
  if (isIP(address) === 0 || METADATA.has(normalized(address))) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed instanceof ipaddr.IPv4 || (parsed.match(GLOBAL_IPV6) && !isIsatap(parsed));
}

/** With `allowPrivate` a developer's own addresses as well. */
export const mayContact = (address: string, allowPrivate: boolean): boolean =>
  isPublic(address) ||
  (allowPrivate && isIP(address) !== 0 && !METADATA.has(normalized(address)) && DEVELOPMENT.has(ipaddr.parse(address).range()));

/**
 * The addresses to choose from when connecting. A name is asked once; if any of its answers may not be contacted none is used, since a name
 * that mixes them is trying something. What is checked here is what is connected to.
 */
export async function resolveAddresses(host: string, allowPrivate: boolean): Promise<[Address, ...Address[]]> {
  const name = host.startsWith('[') ? host.slice(1, -1) : host;
  const family = isIP(name);
  const answers = family === 0 ? await lookup(name, { all: true }) : [{ address: name, family }];
  const refused = answers.find(({ address }) => !mayContact(address, allowPrivate));
  if (refused !== undefined) throw notPublic(refused.address);
  return answers as [Address, ...Address[]];
}

export const notPublic = (address: string): RefusedAddress => new RefusedAddress(`${address} is not a public address`);

const GLOBAL_IPV6: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/** …:0000:5efe:a.b.c.d or …:0200:5efe:a.b.c.d, under any prefix (RFC 5214, 6.1). */
function isIsatap({ parts }: ipaddr.IPv6): boolean {
  return (parts[4]! & 0xfdff) === 0 && parts[5] === 0x5efe;
}

function normalized(address: string): string {
  return ipaddr.parse(address).toNormalizedString();
}
