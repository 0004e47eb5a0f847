import type { RecordedAnswer } from '../event-store';

const JSON_TYPE = 'application/json; charset=utf-8';

/** One resource, with its ETag. */
export const resource = (body: object, version: number): RecordedAnswer => ({
  status: 200,
  body: JSON.stringify(body),
  headers: { 'content-type': JSON_TYPE, etag: `W/"${version}"` },
});

/** Bytes that are JSON already. */
export const json = (body: string, status = 200): RecordedAnswer => ({ status, body, headers: { 'content-type': JSON_TYPE } });

export const isRecordedAnswer = (value: unknown): value is RecordedAnswer =>
  typeof value === 'object' &&
  value !== null &&
  'status' in value &&
  'headers' in value &&
  typeof (value as RecordedAnswer).body === 'string';
