// POST /tasks through the gateway, every guarantee on, against pgbench doing the same logical write on the same server.
import { againstFloor, client, FLOOR_IN_FLIGHT, startProduct } from './support.mjs';

export const title = 'POST /tasks against the floor of the same write';
export const least = 'at least 0.35 of pgbench';

export async function measure({ seconds = 20 } = {}) {
  const product = await startProduct();
  try {
    const http = client(product, FLOOR_IN_FLIGHT);
    const create = () => http.post('/tasks', { title: 'Order the glass partitions', priority: 'high' });
    const measured = await againstFloor(product, { seconds, warmUpSeconds: 15, work: create });
    await http.close();
    return measured;
  } finally {
    await product.stop();
  }
}
