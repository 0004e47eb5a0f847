import { exchange, openGateway, type OpenGateway } from './gateway.examples';

describe('the documentation', () => {
  let gateway: OpenGateway;
  beforeAll(async () => {
    gateway = await openGateway();
  });
  afterAll(() => gateway.close());

  const get = (path: string) => exchange('GET', `${gateway.origin}${path}`);

  it('is there for machines, without a key', async () => {
    const { status, headers, text } = await get('/works/v1/openapi.json');
    expect([status, headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
    expect(Object.keys((JSON.parse(text) as { paths: object }).paths)).toContain('/things');
  });

  it('is found with a slash too many', async () => {
    const { status, headers } = await get('/works/docs/');
    expect([status, headers.location]).toEqual([302, '/works/docs']);
  });

  // Guarantees that whoever reads it is seen by nobody but us, and that it works on a machine without the internet.
  it('is a page whose every part comes from here', async () => {
    const page = await get('/works/docs');
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'self';/);
    expect(page.text).toContain('<title>SK Works API</title>');
    const parts = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address!).filter((at) => !at.startsWith('data:'));
    expect(parts.length).toBeGreaterThanOrEqual(4);
    for (const part of parts) expect([part, (await get(part)).status]).toEqual([part, 200]);
  });
});
