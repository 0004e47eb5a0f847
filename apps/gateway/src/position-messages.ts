/** PostgreSQL refuses a notification of 8,000 bytes. */
const PAYLOAD_BYTES_MAX = 7_900;

/** What gateways tell each other of what has been seen. */
export type PositionMessage =
  /** Somebody listens. The positions, if any, are what all keys together have seen through the sender. */
  | { readonly kind: 'here'; readonly from: string; readonly positions: string }
  /** What each of these keys has seen. */
  | { readonly kind: 'seen'; readonly from: string; readonly keys: ReadonlyMap<string, string> };

/** As many payloads as it takes, each of which PostgreSQL takes. */
export function writeMessages(message: PositionMessage): string[] {
  const head = `${message.kind}\t${message.from}`;
  if (message.kind === 'here') return [`${head}\n${message.positions}`];
  const payloads: string[] = [];
  let payload = head;
  let bytes = Buffer.byteLength(head);
  for (const [key, positions] of message.keys) {
    const line = `\n${key}\t${positions}`;
    const length = Buffer.byteLength(line);
    if (bytes + length > PAYLOAD_BYTES_MAX && payload !== head) {
      payloads.push(payload);
      payload = head;
      bytes = Buffer.byteLength(head);
    }
    payload += line;
    bytes += length;
  }
  return [...payloads, payload];
}

/** Null for what is none of these: another version's, or a stranger's. */
export function readMessage(payload: string): PositionMessage | null {
  const [head = '', ...lines] = payload.split('\n');
  const [kind, from] = head.split('\t');
  if (from === undefined) return null;
  if (kind === 'here') return { kind, from, positions: lines[0] ?? '' };
  if (kind !== 'seen') return null;
  const pairs = lines.map((line) => line.split('\t')).filter((pair) => pair.length === 2);
  return { kind, from, keys: new Map(pairs as [string, string][]) };
}
