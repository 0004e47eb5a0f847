// POST /projects with fitout_v2 at a fixed rate: every answer in time, and whoever lists the project's tasks at once sees all of them.
import { anId, client, ms, openLoop, percentile, startProduct } from './support.mjs';

const PER_SECOND = 40;
const TASKS = 24;

export const title = `POST /projects with fitout_v2, ${PER_SECOND} per second`;
export const least = 'kept for 60 s, every scaffold within 1 s of its answer';

export async function measure({ seconds = 60 } = {}) {
  const product = await startProduct();
  try {
    const http = client(product, 128);
    const answers = [];
    const scaffolds = [];
    let late = 0;
    const open = async () => {
      const sentAt = performance.now();
      const text = await http.post('/projects', { name: 'Site fit-out', owner_id: anId('usr'), template: 'fitout_v2' });
      const answeredAt = performance.now();
      answers.push(answeredAt - sentAt);
      const project = /"id":"(prj_\w+)"/.exec(text)[1];
      // The read waits until the scaffold is there; past its bound it answers 503 and counts as late.
      const tasks = await http.get(`/tasks?project_id=${project}&limit=100`).catch(() => '');
      if (tasks.split('"object":"task"').length - 1 === TASKS) scaffolds.push(performance.now() - answeredAt);
      else late++;
    };
    await openLoop({ perSecond: PER_SECOND / 4, seconds: 8, work: open });
    for (const list of [answers, scaffolds]) list.length = 0;
    late = 0;
    const startedAt = performance.now();
    await openLoop({ perSecond: PER_SECOND, seconds, work: open });
    const elapsed = (performance.now() - startedAt) / 1_000;
    await http.close();
    for (const list of [answers, scaffolds]) list.sort((a, b) => a - b);
    return {
      figure: `${(answers.length / elapsed).toFixed(1)}/s, ${scaffolds.length} of ${answers.length} scaffolds seen, slowest ${ms(scaffolds.at(-1) ?? NaN)}, ${late} too late`,
      details: `answer p50 ${ms(percentile(answers, 50))}, p99 ${ms(percentile(answers, 99))}; all tasks listed p50 ${ms(percentile(scaffolds, 50))}, p99 ${ms(percentile(scaffolds, 99))} after the answer`,
    };
  } finally {
    await product.stop();
  }
}
