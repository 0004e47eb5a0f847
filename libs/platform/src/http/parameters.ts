import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { hash } from 'node:crypto';
import stringify from 'safe-stable-stringify';
import { CALLER_HEADER } from '../caller';
import { SEEN_HEADER } from '../caught-up';
import type { CommandRequest } from '../event-store';
import { isId } from '../ids';
import { notePathId } from '../openapi';
import { Problem } from '../problems';
import { header } from './door.guard';
import { admissionOf, type AdmittedRequest } from './request';

const requestOf = (context: ExecutionContext) => context.switchToHttp().getRequest<AdmittedRequest>();

/** Who asks. */
export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext) => admissionOf(requestOf(context)).caller);

/** The instant that counts as now. */
export const Now = createParamDecorator((_: unknown, context: ExecutionContext) => admissionOf(requestOf(context)).now);

/** Aborted once the client has its answer or has gone: nobody is left to work for. */
export const ClientGone = createParamDecorator((_: unknown, context: ExecutionContext): AbortSignal => {
  const gone = new AbortController();
  context
    .switchToHttp()
    .getResponse<FastifyReply>()
    .raw.once('close', () => gone.abort());
  return gone.signal;
});

/** The headers with which another service is asked on the same caller's behalf, and no less new than the caller asked for. */
export const PassedOn = createParamDecorator((_: unknown, context: ExecutionContext): Record<string, string> => {
  const request = requestOf(context);
  const passed = [CALLER_HEADER, 'works-position', SEEN_HEADER].map((name) => [name, header(request, name)]);
  return { ...Object.fromEntries(passed.filter(([, value]) => value !== undefined)), 'x-request-id': request.id } as Record<string, string>;
});

/** A mutation as the event store wants it: who, when, under which key, and what exactly was asked. */
export const Command = createParamDecorator((_: unknown, context: ExecutionContext): CommandRequest => {
  const request = requestOf(context);
  const { caller, now } = admissionOf(request);
  return {
    caller,
    now,
    requestId: request.id,
    idempotencyKey: header(request, 'idempotency-key')!,
    fingerprint: fingerprintOf(request.method, request.url, request.body),
    ifMatch: ifMatchOf(header(request, 'if-match')),
    traceparent: traceparentOf(header(request, 'traceparent')),
  };
});

const idParameter = createParamDecorator(([name, prefix]: [string, string], context: ExecutionContext): string => {
  const id = (requestOf(context).params as Record<string, string>)[name];
  // Whatever is no such id was never the id of anything: the same answer as for one that is not there.
  if (!isId(prefix, id)) throw new Problem('not_found', 'There is no such resource.');
  return id;
});

/** An id in the path. Anything else in its place is 404, as an id that never was. */
export const IdParam =
  (name: string, prefix: string): ParameterDecorator =>
  (target, property, index) => {
    notePathId(target, property!, name, prefix);
    idParameter([name, prefix])(target, property, index);
  };

/** The same request has the same fingerprint however its address and its JSON are spelled. */
export const fingerprintOf = (method: string, url: string, body: unknown): string =>
  hash('sha256', `${method} ${normalized(url)}\n${stringify(body ?? {})}`);

/** Percent-escapes of unreserved characters mean the characters, and the case of the others' digits means nothing (RFC 3986, 6.2.2). */
const normalized = (url: string): string =>
  url.includes('%')
    ? url.replace(/%([0-9a-f]{2})/gi, (escape, digits: string) => {
        const character = String.fromCharCode(parseInt(digits, 16));
        return UNRESERVED.test(character) ? character : escape.toUpperCase();
      })
    : url;

const UNRESERVED = /^[A-Za-z0-9\-._~]$/;

/** One ETag of ours or a list of them, of which one has to match; `*` matches whatever is there (RFC 9110, 13.1.1). */
function ifMatchOf(value: string | undefined): readonly number[] | null {
  if (value === undefined) return null;
  const tags = value.split(',').map((tag) => tag.trim());
  if (tags.includes('*') && tags.every(isTag)) return null;
  const versions = tags.map((tag) => ETAG.exec(tag)?.[1]);
  if (versions.includes(undefined)) throw new Problem('invalid_header', 'If-Match must be ETags of ours, such as W/"3".');
  return versions.map(Number);
}

const ETAG = /^(?:W\/)?"(\d{1,9})"$/;
const isTag = (tag: string): boolean => tag === '*' || ETAG.test(tag);

const w3cTrace = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** It travels on with every event, so only what is one may enter; anything else counts as absent (W3C Trace Context, 3.2). */
const traceparentOf = (value: string | undefined): string | null => (value !== undefined && w3cTrace.test(value) ? value : null);
