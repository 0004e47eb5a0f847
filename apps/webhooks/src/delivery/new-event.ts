import type { PublicEvent } from '@works/contracts/events';
import { isId } from '@works/platform/ids';
import { headerOf } from '@works/platform/reactions';
import type { NewEvent } from './statements';

/** A fact that an older relay had passed over: it is told behind what followed it. */
const REPAIRED = 'works-repaired';

const NO_POSITION = '"position":null';

/** The event as the statement takes it: its body in two halves, between which its position goes. */
export function newEventOf(event: PublicEvent): NewEvent {
  // Parsing and printing keeps the bytes of what JSON.stringify wrote.
  const body = JSON.stringify(event);
  // It stands before anything that a caller could have written, so the first is the one.
  const at = body.indexOf(NO_POSITION) + NO_POSITION.length;
  return {
    id: event.id,
    organizationId: event.organization_id,
    livemode: event.livemode,
    type: event.type,
    subject: event.subject,
    projectId: event.project_id,
    timestamp: event.timestamp,
    // Absent in what was written before events told it; and nothing but an event can be waited for.
    previousEvent: isId('evt', event.previous_event) ? event.previous_event : null,
    causedBy: isId('evt', event.caused_by) ? event.caused_by : null,
    outOfOrder: headerOf(event, REPAIRED) !== null,
    before: body.slice(0, at - 'null'.length),
    after: body.slice(at),
  };
}
