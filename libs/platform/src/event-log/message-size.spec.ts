import fc from 'fast-check';
import { partsOf } from './message-size';

const messages = fc.array(
  fc.record({ topic: fc.constant('t'), key: fc.string(), value: fc.string({ maxLength: 2_000 }), headers: fc.constant({}) }),
);

describe('a batch in parts', () => {
  it('has every message once, in order, and no empty part', () => {
    fc.assert(
      fc.property(messages, (all) => {
        const parts = partsOf(all, 3_000);
        expect(parts.flat()).toEqual(all);
        expect(parts.every((part) => part.length > 0)).toBe(true);
      }),
    );
  });

  it('has no part over the limit, except of one message that is over it by itself', () => {
    fc.assert(
      fc.property(messages, (all) => {
        for (const part of partsOf(all, 1_500)) {
          const bytes = part.reduce((sum, { key, value }) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
          expect(part.length === 1 || bytes <= 1_500).toBe(true);
        }
      }),
    );
  });
});
