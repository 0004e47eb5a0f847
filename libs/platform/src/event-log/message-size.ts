import type { LogMessage } from './event-log';

/** The same on both logs, so that what one takes the other takes too. Kafka's default for a whole record batch is 1,048,588 bytes. */
export const VALUE_BYTES_MAX = 1_000_000;

/** Key and headers, with room left for the headers of a dead letter. */
const ENVELOPE_BYTES_MAX = 32_000;

/** What a record costs beyond its bytes, at most: lengths, timestamp and offset deltas, the batch's header. */
const RECORD_OVERHEAD_BYTES = 200;

/** The message can never be published, however often it is tried. Writers refuse such a value before they store it. */
export class MessageTooLarge extends Error {
  constructor(what: string, bytes: number, bytesMax: number) {
    super(`${what} has ${bytes} bytes; the event log takes ${bytesMax}`);
    this.name = 'MessageTooLarge';
  }
}

/** Throws MessageTooLarge before any message of the batch is sent. */
export function refuseTooLarge(messages: readonly LogMessage[]): void {
  for (const message of messages) {
    const valueBytes = Buffer.byteLength(message.value);
    if (valueBytes > VALUE_BYTES_MAX) throw new MessageTooLarge(`The value of a ${message.topic}`, valueBytes, VALUE_BYTES_MAX);
    const envelope = envelopeBytes(message);
    if (envelope > ENVELOPE_BYTES_MAX) throw new MessageTooLarge(`Key and headers of a ${message.topic}`, envelope, ENVELOPE_BYTES_MAX);
  }
}

/** In order, each part at most so many bytes, but never without a message. */
export function partsOf(messages: readonly LogMessage[], bytesMax: number): LogMessage[][] {
  const parts: LogMessage[][] = [];
  let roomBytes = 0;
  for (const message of messages) {
    const bytes = Buffer.byteLength(message.value) + envelopeBytes(message) + RECORD_OVERHEAD_BYTES;
    if (bytes > roomBytes || parts.length === 0) {
      parts.push([]);
      roomBytes = bytesMax;
    }
    parts.at(-1)!.push(message);
    roomBytes -= bytes;
  }
  return parts;
}

function envelopeBytes({ key, headers }: LogMessage): number {
  let bytes = Buffer.byteLength(key);
  for (const [name, value] of Object.entries(headers)) bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  return bytes;
}
