import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Api } from '../support/api';
import { follow } from '../support/guide';
import { Product, root } from '../support/product';

/** Guarantees that what the guides tell people to paste works, and answers what the guide says. */
describe('the guides', () => {
  let product: Product;

  beforeAll(async () => {
    product = await Product.start();
  }, 90_000);
  afterAll(() => product.stop(), 30_000);

  it.each(readdirSync(join(root, 'docs/guides')))('%s: every command runs', async (guide) => {
    const shown = await follow(guide, { API: product.url, KEY: product.organizations[0]!.test_key });
    expect(shown.length).toBeGreaterThan(0);
    for (const { command, promised, answered, body } of shown) expect([command, answered, body]).toEqual([command, promised, body]);
  });

  // Guarantees that whoever presses Execute on the page of the document, before changing anything, sees it work.
  it('the document: every example of what can be made is taken as it stands', async () => {
    const { paths } = JSON.parse(readFileSync(join(root, 'docs/reference/openapi.json'), 'utf8')) as {
      paths: Record<string, { post?: { requestBody?: { content: Record<string, { example?: object }> } } }>;
    };
    const examples = Object.entries(paths).flatMap(([path, { post }]) => {
      const example = post?.requestBody?.content['application/json']?.example;
      return example === undefined || path.includes('{') ? [] : [[path, example] as const];
    });
    expect(examples.length).toBeGreaterThanOrEqual(6);
    const api = new Api(product.url, product.organizations[0]!.test_key);
    for (const [path, example] of examples)
      expect([path, (await api.post(path, example)).status]).toEqual([path, path === '/tasks/batch' ? 200 : 201]);
  });

  it('templates.md: the refusals are those that it shows', async () => {
    const shown = await follow('templates.md', { API: product.url, KEY: product.organizations[0]!.live_key });
    const refused = shown.filter(({ promised }) => promised === '422').map(({ body }) => JSON.parse(body).errors);
    expect(refused).toEqual([
      [{ pointer: '/milestones/0/tasks/0/depends_on/0', code: 'cycle', detail: 'waits for itself: a → b → a' }],
      [
        expect.objectContaining({ pointer: '/roles/site_engineer', code: 'role_missing' }),
        expect.objectContaining({ pointer: '/variables/floor_area', code: 'required' }),
        expect.objectContaining({ pointer: '/variables/area', code: 'unknown_field' }),
      ],
    ]);
  });

  it('dates-and-time-zones.md: both anchors lead to the plan that it names', async () => {
    const shown = await follow('dates-and-time-zones.md', { API: product.url, KEY: product.organizations[0]!.live_key });
    const plans = shown.filter(({ command }) => command.includes('dry_run')).map(({ body }) => JSON.parse(body));
    const span = { starts_on: '2026-11-23', due_on: '2027-02-13', dry_run: true };
    expect(plans).toEqual([expect.objectContaining(span), expect.objectContaining(span)]);
  });
});
