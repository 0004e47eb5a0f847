import type { Id } from '@works/platform/ids';

/** The prefixes of ids that outsiders see. Frozen: ids already issued carry them. */
export const ID_PREFIXES = {
  organization: 'org',
  project: 'prj',
  milestone: 'mst',
  task: 'tsk',
  comment: 'cmt',
  template: 'tpl',
  user: 'usr',
  deal: 'dl',
  contact: 'ctc',
  event: 'evt',
  testClock: 'clk',
  webhookEndpoint: 'whk',
  delivery: 'dlv',
  attempt: 'att',
  replay: 'rpl',
  apiKey: 'key',
  request: 'req',
  catalogItem: 'itm',
  invoice: 'inv',
} as const;

export type OrganizationId = Id<'org'>;
export type ProjectId = Id<'prj'>;
export type MilestoneId = Id<'mst'>;
export type TaskId = Id<'tsk'>;
export type CommentId = Id<'cmt'>;
export type UserId = Id<'usr'>;
export type DealId = Id<'dl'>;
export type ContactId = Id<'ctc'>;
export type EventId = Id<'evt'>;
export type WebhookEndpointId = Id<'whk'>;
export type DeliveryId = Id<'dlv'>;
export type AttemptId = Id<'att'>;
export type ReplayId = Id<'rpl'>;
export type ApiKeyId = Id<'key'>;
