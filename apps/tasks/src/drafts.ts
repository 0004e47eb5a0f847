import { fresh, record, type Change, type Loaded } from '@works/platform/event-store';
import { tasks } from './aggregate';
import { evolve, type Task, type TaskEvent, type TaskId } from './domain/task';

/** Tasks on their way through several decisions: each sees what those before it decided, and nothing is stored until all have. */
export class TaskDrafts {
  private readonly loaded: ReadonlyMap<string, Loaded<Task>>;
  private readonly events = new Map<TaskId, TaskEvent[]>();
  private readonly present = new Map<TaskId, Task>();

  constructor(loaded: readonly (Loaded<Task> & { readonly state: Task })[]) {
    this.loaded = new Map(loaded.map((task) => [task.id, task]));
    for (const { state } of loaded) this.present.set(state.id, state);
  }

  /** As they are by now. */
  get tasks(): ReadonlyMap<TaskId, Task> {
    return this.present;
  }

  append(id: TaskId, events: readonly TaskEvent[]): { state: Task; version: number } {
    const history = [...(this.events.get(id) ?? []), ...events];
    const state = events.reduce<Task | null>(evolve, this.present.get(id) ?? null)!;
    this.events.set(id, history);
    this.present.set(id, state);
    return { state, version: this.before(id).version + history.length };
  }

  /** In the order of their ids, so that two batches over the same tasks never wait for each other in a circle. */
  changes(): Change[] {
    const changed = [...this.events].filter(([, events]) => events.length > 0).sort(([a], [b]) => (a < b ? -1 : 1));
    return changed.map(([id, events]) => record(tasks, this.before(id), events));
  }

  private before(id: TaskId): Loaded<Task> {
    return this.loaded.get(id) ?? fresh<Task>(id);
  }
}
