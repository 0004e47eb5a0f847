import { RuleViolation } from '@works/platform/errors';

/** Headers that are ours, or that would change what a request is. */
const RESERVED =
  /^(content-.*|host|connection|transfer-encoding|keep-alive|upgrade|te|trailer|expect|user-agent|webhook-.*|svix-.*|proxy-.*|cookie)$/i;

/** Where web servers listen. Any other port belongs to something that a stray POST could harm. */
const PORTS = new Set(['', '80', '443', '8080', '8443']);

export interface AddressRules {
  /** For development: http, every port, and a developer's own addresses. */
  readonly allowPrivate: boolean;
  readonly mayContact: (address: string, allowPrivate: boolean) => boolean;
}

/** What can be said of an address by looking at it: why it is refused, or null. Where a name leads is checked at every attempt. */
export function refusalOf(text: string, { allowPrivate, mayContact }: AddressRules): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null) return 'must be an absolute URL';
  if (/[\s\p{Cc}]/u.test(withoutEdges(text))) return 'must not have white space or control characters in it';
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && allowPrivate))
    return allowPrivate ? 'must be https or http' : 'must be https';
  if (url.username !== '' || url.password !== '') return 'must not carry credentials; use a header of your own';
  if (url.hash !== '') return 'must not have a fragment';
  if (!allowPrivate && /(^|\.)localhost\.?$/.test(url.hostname)) return 'must not be a name of this machine';
  const literal = literalOf(url);
  if (literal !== null && !mayContact(literal, allowPrivate)) return 'must lead to a public address';
  if (literal === null && !isHostName(url.hostname)) return 'must have the name of a host that there can be';
  if (!allowPrivate && !PORTS.has(url.port)) return 'must use port 443, 8443, 80 or 8080';
  return null;
}

export function checkAddress(text: string, rules: AddressRules): void {
  const detail = refusalOf(text, rules);
  if (detail === null) return;
  throw new RuleViolation('endpoint_url_refused', detail, { errors: [{ pointer: '/url', code: 'not_allowed', detail }] });
}

export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  const names = Object.keys(headers);
  const seen = new Set<string>();
  const errors = names.flatMap((name) => {
    const pointer = `/headers/${name.replaceAll('~', '~0')}`;
    const twice = seen.has(name.toLowerCase());
    seen.add(name.toLowerCase());
    if (RESERVED.test(name)) return [{ pointer, code: 'not_allowed', detail: 'is a header that we set ourselves' }];
    return twice ? [{ pointer, code: 'duplicate', detail: 'is there already, in other letters' }] : [];
  });
  if (errors.length > 0) throw new RuleViolation('validation_failed', `${errors.length} of the headers cannot be set.`, { errors });
}

/** The address that a URL leads to in so many words. The URL parser has read every way to write an IPv4 address (decimal, octal, hexadecimal, full width) into four numbers. */
export function literalOf({ hostname }: URL): string | null {
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) ? hostname : null;
}

/** The URL parser drops what stands before and behind, and would drop line breaks inside without a word. */
const withoutEdges = (text: string): string => text.replace(/^[\0- ]+|[\0- ]+$/g, '');

const NAME_CHARACTERS_MAX = 253;
/** RFC 1123, with the underscores that names in the DNS do have; never in the last label, which a registry gives out. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const LAST_LABEL = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** What no resolver could ever find would fail for days before anybody is told. The URL parser has made ASCII of it, in lower case. */
function isHostName(hostname: string): boolean {
  const name = hostname.replace(/\.$/, '');
  const labels = name.split('.');
  return name.length <= NAME_CHARACTERS_MAX && labels.every((label) => LABEL.test(label)) && LAST_LABEL.test(labels.at(-1)!);
}
