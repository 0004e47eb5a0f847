import type { EventType, PublicEvent } from '../events';

/** What is read of an event here: anything may be missing from one that an older version wrote. */
type Told = Pick<PublicEvent, 'type' | 'subject' | 'data'>;

/** One field of the resource, before and after. */
export interface Change {
  field: string;
  from: unknown;
  to: unknown;
}

const LETTERS_MAX = 120;

/**
 * An event in words a customer could read: "Survey drawings completed". Pure, one line, and total: what is missing from the event is missing from
 * the sentence, nothing is thrown. People and other resources go by their ids, since names are kept elsewhere.
 */
export function phraseOf(event: Told): string {
  const phrase: (() => string) | undefined = phrases(event)[event.type];
  return phrase === undefined ? `${nameOf(event)}: ${event.type}` : phrase();
}

/** What an event changed, in the order in which the event tells of it. Empty for what was made or only said. */
export function changesOf(event: Told): Change[] {
  const resource = resourceOf(event);
  return Object.entries(objectIn(event.data, 'previous')).map(([field, from]) => ({
    field,
    from: from ?? null,
    to: resource[field] ?? null,
  }));
}

function phrases(event: Told): Record<EventType, () => string> {
  const name = nameOf(event);
  const resource = resourceOf(event);
  const before = objectIn(event.data, 'previous');
  const after = (words: string, value: unknown): string => (isSaid(value) ? `${words}${shown(value)}` : '');
  return {
    'project.created': () => `Project ${name} opened`,
    'project.updated': () => changed(`project ${name}`, changesOf(event)),
    'project.closed': () => `Project ${name} closed${after(' as ', resource['outcome'])}`,
    'project.reopened': () => `Project ${name} reopened`,
    'milestone.added': () => `Milestone ${name} added${after(', due on ', resource['due_on'])}`,
    'milestone.updated': () => changed(`milestone ${name}`, changesOf(event)),
    'milestone.reached': () =>
      `Milestone ${name} reached${after(', signed off by ', objectIn(objectIn(resource, 'sign_off'), 'by')['id'])}`,
    'milestone.reopened': () => `Milestone ${name} reopened`,
    'milestone.invoice_requested': () => `Invoice for milestone ${name} asked for`,
    'milestone.invoice_drafted': () => `Invoice for milestone ${name} drafted${after(': ', objectIn(event.data, 'invoice')['id'])}`,
    'milestone.invoice_failed': () =>
      `Invoice for milestone ${name} not drafted${after(': ', shortly(objectIn(event.data, 'invoice')['error']))}`,
    'task.created': () => `${name} added`,
    'task.updated': () => changed(name, changesOf(event)),
    'task.assigned': () => `${name} assigned${after(' to ', resource['assignee_id'])}${after(' instead of ', before['assignee_id'])}`,
    'task.unassigned': () =>
      `${name} taken out of ${isSaid(before['assignee_id']) ? `the queue of ${shown(before['assignee_id'])}` : 'its queue'}`,
    'task.completed': () => `${name} completed`,
    'task.reopened': () => `${name} reopened`,
    'task.cancelled': () => `${name} cancelled`,
    'task.overdue': () => `${name} became overdue`,
    'task.commented': () => `${name} commented on`,
    'webhook_endpoint.disabled': () => `Webhook endpoint ${name} disabled${after(': ', resource['disabled_reason'])}`,
    'delivery.dead_lettered': () => `Delivery ${name} given up${after(' after the last of its attempts to ', resource['endpoint_id'])}`,
    'test_clock.advanced': () => `Test clock ${name} moved${after(' to ', resource['now'])}`,
  };
}

/** "Due date of Order the glass moved from 2026-11-30 to 2026-12-04"; of several fields, or of long ones, only which. */
function changed(what: string, changes: readonly Change[]): string {
  const [only, ...others] = changes;
  if (only === undefined) return `Something about ${what} changed`;
  if (others.length > 0) return `${changes.length} fields of ${what} changed: ${changes.map(({ field }) => wordsFor(field)).join(', ')}`;
  const { field, from, to } = only;
  const subject = `${capitalized(wordsFor(field))} of ${what}`;
  if (![from, to].every((value) => !isSaid(value) || isShort(value))) return `${subject} changed`;
  if (isSaid(from) && isSaid(to)) return `${subject} ${MOVING.has(field) ? 'moved' : 'changed'} from ${shown(from)} to ${shown(to)}`;
  if (isSaid(to)) return `${subject} set to ${shown(to)}`;
  return isSaid(from) ? `${subject} removed, it was ${shown(from)}` : `${subject} changed`;
}

const MOVING = new Set(['starts_on', 'due_on', 'due_at', 'position', 'milestone_id']);

const WORDS: Readonly<Record<string, string>> = {
  starts_on: 'start date',
  due_on: 'due date',
  due_at: 'due time',
  owner_id: 'owner',
  deal_id: 'deal',
  contact_id: 'contact',
  milestone_id: 'milestone',
  assignee_id: 'assignee',
  depends_on: 'dependencies',
  position: 'place',
  requires_sign_off: 'sign-off',
};

const wordsFor = (field: string): string => (Object.hasOwn(WORDS, field) ? WORDS[field]! : field.replaceAll('_', ' '));

const isSaid = (value: unknown): boolean => value !== null && value !== undefined && value !== '';

/** Can stand in a sentence. Lists, maps and long texts cannot. */
const isShort = (value: unknown): boolean =>
  typeof value === 'string' ? value.length <= LETTERS_MAX && !/[\r\n]/.test(value) : ['number', 'boolean'].includes(typeof value);

const shortly = (value: unknown): unknown => (isShort(value) ? value : null);

function shown(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const capitalized = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

const resourceOf = ({ type, data }: Told): Record<string, unknown> => objectIn(data, type.split('.')[0]!);

/** The resource's own name, or failing that its id. */
function nameOf(event: Told): string {
  const { name, title } = resourceOf(event);
  return [name, title, event.subject].find((word) => typeof word === 'string' && word !== '') as string;
}

function objectIn(of: unknown, name: string): Record<string, unknown> {
  const found = typeof of === 'object' && of !== null ? (of as Record<string, unknown>)[name] : null;
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? (found as Record<string, unknown>) : {};
}
