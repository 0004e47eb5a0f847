import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { root } from './product';

/** Processes that want a core each. They end with this one, however it ends. */
export class BusyLoops {
  private constructor(private readonly children: readonly ChildProcess[]) {}

  static start(count: number): BusyLoops {
    return new BusyLoops(Array.from({ length: count }, () => fork(join(root, 'tools/busy-loop.cjs'))));
  }

  stop(): void {
    for (const child of this.children) child.kill('SIGKILL');
  }
}
