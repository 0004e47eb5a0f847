import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createLogger, type Logger } from '../logging';
import { eventually } from '../testing/eventually';
import { notReady } from './health';
import { CALLER, openThings, signedBy } from './things.examples';

/** A logger whose lines can be read back. */
function recording(): { logger: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({ name: 'spec', level: 'debug', write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) });
  return { logger, lines };
}

describe('what the operator sees', () => {
  const { logger, lines } = recording();
  let app: NestFastifyApplication;
  let url: string;

  beforeAll(async () => {
    const ready = { door: () => Promise.resolve(), cellar: () => Promise.reject(new Error('flooded')) };
    ({ app, url } = await openThings({ logger, ready }));
  });
  beforeEach(() => {
    lines.length = 0;
  });
  afterAll(() => app.close());

  const post = (name: string) =>
    fetch(`${url}/things`, {
      method: 'POST',
      body: JSON.stringify({ name }),
      headers: { ...signedBy(), 'content-type': 'application/json', 'idempotency-key': 'k', 'x-request-id': 'abc' },
    });

  it('one line for each request, with its tenant and its route', async () => {
    await post('x');
    await eventually(() => expect(lines).toHaveLength(1));
    expect(lines).toEqual([
      expect.objectContaining({
        level: 20,
        request_id: 'abc',
        organization_id: CALLER.organizationId,
        method: 'POST',
        route: '/things',
        status: 201,
      }),
    ]);
    expect(lines[0]!['ms']).toEqual(expect.any(Number));
  });

  it('a bug with its stack and the request it happened in; the caller gets neither', async () => {
    const answer = await post('bug');
    expect(await answer.text()).not.toContain('a secret of ours');
    await eventually(() => expect(lines).toHaveLength(2));
    const [bug, line] = lines;
    expect(bug).toMatchObject({ level: 50, request_id: 'abc', route: '/things', err: { message: 'a secret of ours' } });
    expect(line).toMatchObject({ level: 40, status: 500 });
  });

  it('no line above debug for what a caller did wrong', async () => {
    await post('');
    await eventually(() => expect(lines.map(({ level }) => level)).toEqual([20]));
  });

  it('names what is not ready', async () => {
    const answer = await fetch(`${url}/health/ready`);
    expect([answer.status, await answer.json()]).toEqual([503, { status: 'not ready', failed: ['cellar'] }]);
  });

  // A check that hangs is the very moment in which somebody asks.
  it('does not wait for a check that hangs or throws', async () => {
    const checks = {
      hangs: () => new Promise(() => undefined),
      throws: () => {
        throw new Error('at once');
      },
      passes: () => Promise.resolve(1),
    };
    expect(await notReady(checks, 20)).toEqual(['hangs', 'throws']);
  });

  it('counts requests by route, not by address', async () => {
    await fetch(`${url}/things/thg_${'1'.repeat(26)}`, { headers: signedBy() });
    await fetch(`${url}/somewhere/else`);
    const found = 'method="GET",route="/things/:id",status="2xx"} 1';
    await eventually(async () => {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(
        metrics.split('\n').filter((line) => line.startsWith('works_http_request_duration_seconds_count') && line.endsWith(found)),
      ).toHaveLength(1);
      expect(metrics.includes('route="unknown",status="4xx"')).toBe(true);
      expect(metrics.includes('somewhere')).toBe(false);
      expect(metrics.includes('process_resident_memory_bytes')).toBe(true);
    });
  });
});
