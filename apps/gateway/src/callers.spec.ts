import { eventually } from '@works/platform/testing';
import { KeyRing, openGateway, SIGNING_KEY } from './gateway.examples';
import { Callers, type FindCaller } from './callers';

describe('callers', () => {
  // Guarantees that a busy key costs one look-up in a second, not one for each request.
  it('are looked up once for all who come together', async () => {
    const keys = new KeyRing();
    const callers = new Callers(keys.find, SIGNING_KEY);
    const { key, caller } = keys.add();
    const admitted = await Promise.all(Array.from({ length: 50 }, () => callers.admit(`Bearer ${key}`)));
    expect(admitted.map((one) => one?.caller)).toEqual(Array(50).fill(caller));
    expect(keys.lookUps).toBe(1);
  });

  it('are not looked up for keys that cannot be', async () => {
    const keys = new KeyRing();
    const callers = new Callers(keys.find, SIGNING_KEY);
    for (const impossible of [undefined, 'Bearer sk_live_', `Bearer sk_live_${'a'.repeat(49)}`]) {
      expect(await callers.admit(impossible)).toBeNull();
    }
    expect(keys.lookUps).toBe(0);
  });

  // Guarantees that a good key is never refused because the database was away for a moment.
  it('are asked for again after an outage, which is a 503 and not a 401', async () => {
    const keys = new KeyRing();
    const { key } = keys.add();
    let away = true;
    const find: FindCaller = (hash) =>
      away ? Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })) : keys.find(hash);
    const gateway = await openGateway(find);
    const authorization = `Bearer ${key}`;
    const refused = await gateway.send('GET', '/things', { authorization });
    expect([refused.status, refused.headers['retry-after'], (JSON.parse(refused.text) as { code: string }).code]).toEqual([
      503,
      '1',
      'unavailable',
    ]);
    away = false;
    await eventually(async () => expect((await gateway.send('GET', '/things', { authorization })).status).toBe(200));
    await gateway.close();
  });
});
