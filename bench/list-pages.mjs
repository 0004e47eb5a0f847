// GET /tasks and GET /projects over 100,000 rows each: page 1,000 of 100 rows against page 1, with and without a filter. Pages are timed in
// pairs, one after the other, so that a slow second on the machine meets both.
import { client, ms, percentile, psql, startProduct } from './support.mjs';

const ROWS = 101_000;
const PAGE = 100;
const LATE_PAGE = 1_000;
const LISTS = {
  '/tasks': {},
  '/tasks by status': { path: '/tasks', query: 'status=open' },
  '/tasks by metadata': { path: '/tasks', query: 'metadata[site]=north' },
  '/projects': {},
  '/projects by metadata': { path: '/projects', query: 'metadata[site]=north' },
};

export const title = `lists of ${ROWS.toLocaleString('en')}: page ${LATE_PAGE.toLocaleString('en')} of ${PAGE} rows against page 1`;
export const least = 'at most 1.2 times';

export async function measure({ seconds = 5 } = {}) {
  const product = await startProduct();
  try {
    const http = client(product, 1);
    const metadata = { site: 'north' };
    const owner_id = `usr_${'1'.padStart(26, '0')}`;
    await http.post('/tasks', { title: 'Order the glass partitions', metadata });
    await http.post('/projects', { name: 'Site fit-out', owner_id, metadata });
    for (const [table, prefix] of [
      ['tasks', 'tsk'],
      ['projects', 'prj'],
    ])
      await psql(`${product.superuserUrl()}/works_${table}`, fill(table, prefix));
    const figures = [];
    for (const [name, { path = name, query = '' }] of Object.entries(LISTS)) figures.push(await compare(http, name, path, query, seconds));
    // A text that is in no title: row-level security lets no index of patterns be used, so every title of the organization is read.
    const at = performance.now();
    await http.get('/tasks?title=chandelier');
    const search = performance.now() - at;
    await http.close();
    return {
      figure: `${Math.max(...figures.map(({ ratio }) => ratio)).toFixed(2)} times at most`,
      details: `${figures.map(({ text }) => text).join('; ')}; a text that is in no title of all these ${ms(search)}`,
    };
  } finally {
    await product.stop();
  }
}

async function compare(http, name, path, query, seconds) {
  const pageAt = async (cursor) => http.get(`${path}?limit=${PAGE}&${query}${cursor === null ? '' : `&cursor=${cursor}`}`);
  let late = null;
  for (let number = 1; number < LATE_PAGE; number++) late = JSON.parse(await pageAt(late)).next_cursor;
  const timed = async (cursor) => {
    const at = performance.now();
    await pageAt(cursor);
    return performance.now() - at;
  };
  const [firsts, lates] = [[], []];
  for (const endAt = performance.now() + seconds * 1_000; performance.now() < endAt;) {
    firsts.push(await timed(null));
    lates.push(await timed(late));
  }
  const [first, last] = [firsts, lates].map((latencies) =>
    percentile(
      latencies.sort((a, b) => a - b),
      50,
    ),
  );
  return { ratio: last / first, text: `${name} ${(last / first).toFixed(2)} (p50 ${ms(last)} against ${ms(first)})` };
}

/** Copies of the one row that is there. */
const fill = (table, prefix) => `
  insert into ${table} (id, organization_id, livemode, version, state)
    select '${prefix}_' || lpad(n::text, 26, '0'), t.organization_id, t.livemode, t.version,
           t.state || jsonb_build_object('id', '${prefix}_' || lpad(n::text, 26, '0'))
      from generate_series(1, ${ROWS}) n, (select * from ${table} limit 1) t;
  analyze`;
