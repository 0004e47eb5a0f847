import type { Aggregate } from './types';
import { readEvent, storedType } from './upcasting';

type NoteEvent = { type: 'note.written'; data: { lines: string[]; lang: string } } | { type: 'note.sealed'; data: { at: string } };

const notes: Aggregate<object, NoteEvent> = {
  table: 'notes',
  evolve: (_, { data }) => data,
  upcasters: {
    'note.written': [
      ({ text }: { text: string }) => ({ lines: text.split('\n') }),
      ({ lines }: { lines: string[] }) => ({ lines, lang: 'en' }),
    ],
  },
};
const today = { type: 'note.written', data: { lines: ['One', 'Two'], lang: 'en' } };

describe('an event of an older version', () => {
  it.each([
    ['note.written', { text: 'One\nTwo' }],
    ['note.written.2', { lines: ['One', 'Two'] }],
    ['note.written.3', today.data],
  ])('is read as if it were of today: %s', (type, data) => expect(readEvent(notes, { type, data })).toEqual(today));

  it('stays as it is when nothing has been left behind', () => {
    const sealed = { type: 'note.sealed', data: { at: 'noon' } } as const;
    expect(readEvent(notes, sealed)).toEqual(sealed);
  });
});

it('an event is stored under its type and, from the second on, its version', () => {
  expect(storedType(notes, 'note.written')).toBe('note.written.3');
  expect(storedType(notes, 'note.sealed')).toBe('note.sealed');
});
