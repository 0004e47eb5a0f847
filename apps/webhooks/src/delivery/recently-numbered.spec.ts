import { RecentlyNumbered } from './recently-numbered';

describe('what was numbered lately', () => {
  it('remembers the newest ids, and not all there ever were', () => {
    const lately = new RecentlyNumbered();
    for (let id = 0; id < 100_000; id++) lately.add(String(id));
    expect([99_999, 90_000].map((id) => lately.has(String(id)))).toEqual([true, true]);
    expect(lately.has('0')).toBe(false);
    lately.forget();
    expect(lately.has('99999')).toBe(false);
  });
});
