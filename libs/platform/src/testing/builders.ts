import type { Caller } from '../caller';
import type { CommandRequest } from '../event-store';
import { newId } from '../ids';

/** A caller of an organization of its own, with every scope. */
export const aCaller = (overrides: Partial<Caller> = {}): Caller => ({
  organizationId: newId('org'),
  livemode: true,
  actor: { type: 'api_key', id: newId('key') },
  scopes: ['*'],
  timeZone: 'Asia/Kolkata',
  ...overrides,
});

/** A mutation with a key and a fingerprint of its own. */
export const aCommand = (overrides: Partial<CommandRequest> = {}): CommandRequest => ({
  caller: aCaller(),
  now: new Date('2026-11-23T10:00:00.000Z'),
  requestId: newId('req'),
  idempotencyKey: newId('idem'),
  fingerprint: newId('body'),
  ifMatch: null,
  traceparent: null,
  ...overrides,
});
