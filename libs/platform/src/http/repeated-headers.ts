import { Problem } from '../problems';

/** Of these Node keeps the first, or joins them with commas, and either would be a value that nobody sent. */
const SINGLE = new Map(['Idempotency-Key', 'Authorization', 'Works-Position', 'Content-Type'].map((name) => [name.toLowerCase(), name]));

/**
 * The refusal of a request with two lines of a header that has one value; null for every other. `rawHeaders` are Node's: names and values in turn.
 * A comma inside one line is part of the value.
 */
export function repeatedHeader(rawHeaders: readonly string[]): Problem | null {
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = SINGLE.get(rawHeaders[at]!.toLowerCase());
    if (name === undefined) continue;
    if (seen.has(name)) return new Problem('invalid_header', `Send ${name} once: this request has it more than once.`, { header: name });
    seen.add(name);
  }
  return null;
}
