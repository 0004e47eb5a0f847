import { record, type Aggregate, type Decision, type Loaded } from '@works/platform/event-store';
import { evolve, type Task, type TaskEvent } from './domain/task';
import { presentTask, type Seen } from './read-models/present-task';

export const tasks: Aggregate<Task, TaskEvent> = { table: 'tasks', evolve };

/** What was decided about one task, answered as `GET /tasks/{id}` would answer it afterwards. No events: already so. */
export function decision(loaded: Loaded<Task>, events: readonly TaskEvent[], seen: Seen): Decision {
  const changes = events.length > 0 ? [record(tasks, loaded, events)] : [];
  const task = changes[0]?.after ?? loaded.state!;
  const version = loaded.version + events.length;
  return { changes, answer: { status: 200, body: presentTask(task, version, seen), version } };
}
