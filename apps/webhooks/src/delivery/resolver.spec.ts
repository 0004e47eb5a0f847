import type { Address } from './addresses';
import { REMEMBERED_MS, Resolver } from './resolver';

/** A resolver whose look-ups end when the spec says so, at the time that it says. */
function held() {
  const looks: { host: string; end(address: string): void; fail(): void }[] = [];
  const clock = { now: 0 };
  const look = (host: string) =>
    new Promise<[Address]>((done, failed) =>
      looks.push({ host, end: (address) => done([{ address, family: 4 }]), fail: () => failed(new Error('ENOTFOUND')) }),
    );
  return { looks, clock, resolver: new Resolver(false, look, () => clock.now) };
}

describe('looking names up', () => {
  // Guarantees that deliveries to a name that nobody answers for hold one of the system's few threads, and not all of them.
  it('asks once for all who want the same name at one time, however long it takes', async () => {
    const { looks, clock, resolver } = held();
    const answers = [resolver.resolve('slow.example'), resolver.resolve('slow.example')];
    clock.now = 60_000;
    answers.push(resolver.resolve('slow.example'));
    void resolver.resolve('other.example');
    expect(looks.map(({ host }) => host)).toEqual(['slow.example', 'other.example']);
    looks[0]!.end('192.0.2.1');
    for (const [answer] of await Promise.all(answers)) expect(answer.address).toBe('192.0.2.1');
  });

  it('takes an answer for true for a second, and then asks anew', async () => {
    const { looks, clock, resolver } = held();
    const first = resolver.resolve('moving.example');
    looks[0]!.end('192.0.2.1');
    await first;
    clock.now = REMEMBERED_MS - 1;
    expect((await resolver.resolve('moving.example'))[0].address).toBe('192.0.2.1');
    clock.now = REMEMBERED_MS;
    const second = resolver.resolve('moving.example');
    looks[1]!.end('192.0.2.2');
    expect((await second)[0].address).toBe('192.0.2.2');
  });

  it('remembers no failure', async () => {
    const { looks, resolver } = held();
    const first = resolver.resolve('new.example');
    looks[0]!.fail();
    await expect(first).rejects.toThrow('ENOTFOUND');
    const second = resolver.resolve('new.example');
    looks[1]!.end('192.0.2.1');
    expect((await second)[0].address).toBe('192.0.2.1');
  });
});
