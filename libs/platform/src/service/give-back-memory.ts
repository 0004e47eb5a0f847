import { Session } from 'node:inspector';

/**
 * Loading a service makes garbage several times the size of what stays, and a young generation to match; V8 sees no reason to part with either
 * while nothing happens. A collection as under memory pressure, which only the inspector can ask for, gives some 30 MB back to the machine. It
 * takes a few hundredths of a second, before anybody asks for anything; the young generation grows again as soon as there is work.
 */
export function giveBackMemory(): void {
  const session = new Session();
  session.connect();
  // A session that is closed inside its own answer never returns.
  session.post('HeapProfiler.collectGarbage', () => setImmediate(() => session.disconnect()));
}
