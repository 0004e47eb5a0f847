import { rmSync } from 'node:fs';
import { join } from 'node:path';

/** The moments between which something is done and somebody else does not know yet. Each has a crash of its own in e2e/chaos. */
export const FAULT_POINTS = [
  /** The gateway owns an idempotency key for a service; the service has heard nothing yet. */
  'key-claimed',
  /** A mutation is committed; its answer is not sent, and the relay not woken. */
  'mutation-committed',
  /** The event log has the messages; the relay's checkpoint does not say so. */
  'relay-published',
  /** A reaction's transaction is committed; the offset is not. */
  'reaction-committed',
  /** Deliveries are leased; none of them is sent. */
  'deliveries-claimed',
  /** A result is recorded, and what waited for its place leased; that is not sent. */
  'place-handed-over',
  /** A webhook is on the wire; nothing of its answer has been read. */
  'webhook-sent',
  /** The receiver has answered; what it said is not recorded. */
  'webhook-answered',
  /** What the receiver said is recorded; nothing else of the attempt is done. */
  'attempt-recorded',
] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number];

/** `folder` holds what is armed: a file `<service>.<point>`, which the first process that passes there takes away, and dies. */
let armed: { readonly folder: string; readonly service: string } | null = null;

/** For WORKS_FAULT_POINTS: off unless a test names a folder, and always off in a process that was not started as a service. */
export function armFaultPoints(folder: string | undefined, service: string): void {
  if (folder) armed = { folder, service };
}

/** Ends this process by SIGKILL if a test has asked for that here: nothing is flushed, closed or said. */
export function mayDieAt(point: FaultPoint): void {
  if (armed !== null && taken(join(armed.folder, `${armed.service}.${point}`))) process.kill(process.pid, 'SIGKILL');
}

/** The same once what is under way on the stack has been done, before anything more is read. */
export function mayDieSoonAt(point: FaultPoint): void {
  if (armed !== null) setImmediate(() => mayDieAt(point));
}

function taken(file: string): boolean {
  try {
    rmSync(file);
    return true;
  } catch {
    return false;
  }
}
