import { printable } from './printable';

describe('what customers wrote', () => {
  it('is printed as they wrote it', () => {
    for (const text of ['Küche – 厨房', 'مشروع', '👩‍🔧 Zürich']) expect(printable(text)).toBe(text);
  });

  // Guarantees that a task's title can neither clear an operator's screen nor pass for a line of ours.
  it('cannot steer a terminal', () => {
    expect(printable('a\u001b[2Jb\u0007c\u009bd')).toBe('a\ufffd[2Jb\ufffdc\ufffdd');
    expect(printable('one\r\ntwo\u2028three')).toBe('one\ufffd\ufffdtwo\ufffdthree');
    expect(printable('\u202eabc\u2066')).toBe('\ufffdabc\ufffd');
  });
});
