import fc from 'fast-check';
import { readMessage, writeMessages } from './position-messages';

const position = fc.stringMatching(/^(tasks|projects):e[0-9a-f]{7}\.[0-9]{1,19}$/);
const keys = fc.uniqueArray(fc.tuple(fc.stringMatching(/^org_[0-9A-Z]{26} (true|false) key_[0-9A-Z]{26}$/), position), {
  maxLength: 300,
  size: 'max',
  selector: ([key]) => key,
});

describe('what gateways tell each other', () => {
  it('of keys arrives whole, in as many notifications as PostgreSQL takes', () => {
    fc.assert(
      fc.property(keys, (pairs) => {
        const payloads = writeMessages({ kind: 'seen', from: 'a1', keys: new Map(pairs) });
        for (const payload of payloads) expect(Buffer.byteLength(payload)).toBeLessThan(8_000);
        const arrived = payloads.map((payload) => readMessage(payload));
        expect(arrived.flatMap((message) => (message?.kind === 'seen' && message.from === 'a1' ? [...message.keys] : []))).toEqual(pairs);
      }),
      { numRuns: 50 },
    );
  });

  it.each(['', 'tasks:e1111111.3'])('of being there arrives, with %j', (positions) => {
    expect(writeMessages({ kind: 'here', from: 'a1', positions }).map(readMessage)).toEqual([{ kind: 'here', from: 'a1', positions }]);
  });

  it.each(['', 'here', 'gone\ta1', 'x'.repeat(7_999)])('and is not understood is passed over (%.9s)', (payload) => {
    expect(readMessage(payload)).toBeNull();
  });
});
