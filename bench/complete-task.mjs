// POST /tasks/{id}/complete through the gateway, every guarantee on, against pgbench doing the floor's write on the same server. A completion
// is two round trips where the floor's write is one: the document is read, decided on, and written.
import { againstFloor, client, FLOOR_IN_FLIGHT, startProduct } from './support.mjs';

/** More than can be completed in the time: each task is completed once. */
const TASKS_PER_SECOND = 2_500;
const WARM_UP_SECONDS = 10;
const BATCH = 100;

export const title = 'complete a task against the floor of a write';
export const least = 'at least 0.30 of pgbench';

export async function measure({ seconds = 20 } = {}) {
  const product = await startProduct();
  try {
    const http = client(product, FLOOR_IN_FLIGHT);
    const open = await openTasks(http, TASKS_PER_SECOND * (seconds + WARM_UP_SECONDS));
    const complete = () => http.post(`/tasks/${open.pop()}/complete`);
    const measured = await againstFloor(product, { seconds, warmUpSeconds: WARM_UP_SECONDS, work: complete });
    await http.close();
    return measured;
  } finally {
    await product.stop();
  }
}

async function openTasks(http, count) {
  const ids = [];
  const operations = Array.from({ length: BATCH }, () => ({ op: 'create', task: { title: 'Order the glass partitions' } }));
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (ids.length < count) {
        const { data } = JSON.parse(await http.post('/tasks/batch', { mode: 'atomic', operations }));
        ids.push(...data.map(({ task }) => task.id));
      }
    }),
  );
  return ids;
}
