import fc from 'fast-check';
import { idPattern, isId, newId, prefixOf, timeOfId } from '.';

describe('ids', () => {
  it('sort in the order they were made', () => {
    const ids = Array.from({ length: 1_000 }, () => newId('tsk'));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(1_000);
  });

  it('tell their type and their time', () => {
    const before = Date.now();
    const id = newId('prj');
    expect(prefixOf(id)).toBe('prj');
    expect(isId('prj', id)).toBe(true);
    expect(isId('tsk', id)).toBe(false);
    expect(timeOfId(id)).toBeGreaterThanOrEqual(before);
    expect(id).toMatch(new RegExp(idPattern('prj')));
  });

  it('are refused when anything is off', () => {
    const off = [
      '',
      'prj_',
      'prj',
      newId('prj').toLowerCase(),
      `${newId('prj')}0`,
      newId('prj').slice(0, -1),
      'prj_8ZZZZZZZZZZZZZZZZZZZZZZZZZ',
    ];
    for (const text of off) expect(prefixOf(text)).toBeNull();
    fc.assert(fc.property(fc.string(), (text) => prefixOf(text) === null || new RegExp(idPattern('[a-z]{2,5}')).test(text)));
  });
});
