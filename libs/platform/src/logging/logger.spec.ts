import { createLogger } from '.';

/** The text of the one line that `log` writes. */
function lineOf(log: (logger: ReturnType<typeof createLogger>) => void): string {
  const lines: string[] = [];
  log(createLogger({ name: 'spec', level: 'info', write: (line) => lines.push(line) }));
  expect(lines).toHaveLength(1);
  return lines[0]!;
}

const KEY = `sk_live_${'a1'.repeat(20)}`;

// Guarantees that a secret cannot be read in the logs, also where somebody logged more than was meant.
describe('a line of the log', () => {
  it.each<[string, (logger: ReturnType<typeof createLogger>) => void, string]>([
    ['an API key in a message', (logger) => logger.info(`refused ${KEY}`), KEY],
    ['an API key deep in an object', (logger) => logger.info({ a: { b: [{ c: `Bearer ${KEY}` }] } }), KEY],
    ['an API key in the message of an error', (logger) => logger.error({ err: new Error(`bad ${KEY}`) }), KEY],
    ['a test key', (logger) => logger.info({ key: 'sk_test_abcDEF123' }), 'abcDEF123'],
    ["an endpoint's secret", (logger) => logger.info({ made: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw+/=' }), 'MfKQ9r8G'],
    ['a header', (logger) => logger.info({ headers: { authorization: 'Basic dXNlcjpwYXNz' } }), 'dXNlcjpwYXNz'],
    ['the signed caller', (logger) => logger.info({ headers: { 'works-caller': 'eyJvcmc.c2ln' } }), 'c2ln'],
    ['a member that is called secret', (logger) => logger.info({ config: { secret: 'hush' } }), 'hush'],
    ['a password in an address', (logger) => logger.info('postgresql://works_app:pa55word@127.0.0.1/works'), 'pa55word'],
    ['a password without a user', (logger) => logger.info('redis://:pa55word@127.0.0.1'), 'pa55word'],
  ])('does not show %s', (_, log, secret) => {
    const line = lineOf(log);
    expect(line).not.toContain(secret);
    expect(line).toContain('…');
    expect(() => JSON.parse(line) as unknown).not.toThrow();
  });

  it('is JSON with a name, a level and an instant', () => {
    const line = JSON.parse(lineOf((logger) => logger.warn({ request_id: 'req_1' }, 'slow'))) as Record<string, unknown>;
    expect(line).toMatchObject({ name: 'spec', level: 40, request_id: 'req_1', msg: 'slow' });
    expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it('keeps addresses that have no password as they are', () => {
    expect(lineOf((logger) => logger.info('http://127.0.0.1:4000/works/v1'))).toContain('http://127.0.0.1:4000/works/v1');
  });
});
