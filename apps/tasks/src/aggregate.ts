import { record, type Aggregate, type Decision, type Loaded } from '@works/platform/event-store';
import { evolve, type Task, type TaskEvent } from './domain/task';
import { presentTask, type Seen } from './read-models/present-task';

export const tasks: Aggregate<Task, TaskEvent> = { table: 'tasks', evolve };

/** What the rules said about one task, and what they saw. No events: already so. */
export interface Decided {
  readonly events: readonly TaskEvent[];
  readonly seen: Seen;
}

/** What was decided about one task, answered as `GET /tasks/{id}` would answer it afterwards. */
export function decision(loaded: Loaded<Task>, { events, seen }: Decided): Decision {
  const changes = events.length > 0 ? [record(tasks, loaded, events)] : [];
  const task = changes[0]?.after ?? loaded.state!;
  const version = loaded.version + events.length;
  return { changes, answer: { status: 200, body: presentTask(task, version, seen), version } };
}
