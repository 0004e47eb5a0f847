// works rebuild tasks over 200,000 events of 50,000 tasks: once with everything in place, and once with every document to be set right.
import { spawn } from 'node:child_process';
import { psql, root, startProduct } from './support.mjs';

const TASKS = 50_000;
const EVENTS = TASKS * 4;

export const title = `works rebuild tasks, ${EVENTS.toLocaleString('en')} events of ${TASKS.toLocaleString('en')} tasks, while the product runs`;
export const least = '10,000 events per second';

export async function measure() {
  const product = await startProduct();
  try {
    const database = new URL(product.superuserUrl());
    database.pathname = '/works_tasks';
    await psql(database.href, historyOf(product.organization));
    await rebuild(product);
    const checked = await rebuild(product, '--check');
    if (checked.differences > 0) throw new Error(`${checked.differences} documents differ from their events after a rebuild`);
    await psql(database.href, `update tasks set state = state || '{"title": "wrong"}'`);
    const mended = await rebuild(product);
    if (mended.mended !== TASKS) throw new Error(`${mended.mended} of ${TASKS} documents were mended`);
    return {
      figure: `${checked.events_per_second.toLocaleString('en')} events per second`,
      details: `${mended.events_per_second.toLocaleString('en')} when every document is set right`,
    };
  } finally {
    await product.stop();
  }
}

/** Facts without documents and told to nobody: the first rebuild makes the documents. */
const historyOf = (organization) => `
  insert into events (organization_id, livemode, id, stream_id, version, type, data, metadata, occurred_at)
    select '${organization}', true, 'evt_' || n || '_' || e.version, 'tsk_' || lpad(n::text, 26, '0'), e.version, e.type, e.data, '{}', now()
      from generate_series(1, ${TASKS}) as n
     cross join lateral (values
       (1, 'task.created', jsonb_build_object(
         'id', 'tsk_' || lpad(n::text, 26, '0'), 'project_id', null, 'milestone_id', null, 'key', null, 'title', 'Order the glass partitions',
         'description', null, 'priority', 'normal', 'due_on', null, 'due_at', null, 'time_zone', 'Asia/Kolkata', 'overdue_at', null,
         'checklist', '[]'::jsonb, 'depends_on', '[]'::jsonb, 'metadata', '{}'::jsonb, 'at', '2026-11-23T03:30:00.000Z', 'blocked', false)),
       (2, 'task.assigned', jsonb_build_object('assignee_id', 'usr_' || n % 100, 'at', '2026-11-23T03:31:00.000Z', 'blocked', false)),
       (3, 'task.updated', jsonb_build_object('changes', jsonb_build_object('priority', 'high'), 'at', '2026-11-23T03:32:00.000Z', 'blocked', false)),
       (4, 'task.completed', jsonb_build_object('by', jsonb_build_object('type', 'api_key', 'id', 'key_1'), 'at', '2026-11-23T03:33:00.000Z'))
     ) as e(version, type, data);
  analyze events`;

/** The summary of one run; it is the last line. */
async function rebuild(product, ...words) {
  const child = spawn(process.execPath, ['tools/works.mjs', 'rebuild', 'tasks', '--json', ...words], {
    cwd: root,
    env: { ...process.env, WORKS_HOME: product.home },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let tail = '';
  for await (const chunk of child.stdout) tail = (tail + chunk).slice(-2_000);
  return JSON.parse(tail.trimEnd().split('\n').at(-1));
}
