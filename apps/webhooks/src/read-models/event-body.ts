const ACTOR = ',"actor":';
const CAUSED_BY = '"caused_by":';

/** An event's body as everybody gets it: one that was written before events told of what they follow says that it does not know. */
export function wholeBody(body: string): string {
  // What stands before the actor is nothing that a caller could have written.
  const at = body.indexOf(ACTOR);
  const head = body.slice(0, at);
  return at < 0 || head.includes(CAUSED_BY) ? body : `${head},"previous_event":null,"caused_by":null${body.slice(at)}`;
}
