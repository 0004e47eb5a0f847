import { RuleViolation } from '@works/platform/errors';

/** Headers that are ours, or that would change what a request is. */
const RESERVED =
  /^(content-.*|host|connection|transfer-encoding|keep-alive|upgrade|te|trailer|expect|user-agent|webhook-.*|svix-.*|proxy-.*|cookie)$/i;

/** What can be said of an address by looking at it; where it leads is checked at every attempt. */
export function checkAddress(text: string, allowPrivate: boolean): void {
  const url = URL.canParse(text) ? new URL(text) : null;
  const refuse = (detail: string): never => {
    throw new RuleViolation('endpoint_url_refused', detail, { errors: [{ pointer: '/url', code: 'not_allowed', detail }] });
  };
  if (url === null) return refuse('must be an absolute URL');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && allowPrivate))
    return refuse(allowPrivate ? 'must be https or http' : 'must be https');
  if (url.username !== '' || url.password !== '') return refuse('must not carry credentials; use a header of your own');
  if (url.hash !== '') return refuse('must not have a fragment');
}

export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  const reserved = Object.keys(headers).filter((name) => RESERVED.test(name));
  if (reserved.length === 0) return;
  throw new RuleViolation('validation_failed', `${reserved.length} of the headers cannot be set.`, {
    errors: reserved.map((name) => ({ pointer: `/headers/${name}`, code: 'not_allowed', detail: 'is a header that we set ourselves' })),
  });
}
