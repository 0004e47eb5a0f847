import { Injectable } from '@nestjs/common';
import type { Caller } from '@works/platform/caller';
import { TenantDatabase } from '@works/platform/tenancy';
import type { OpenDependency, Task } from '../domain/task';

/** Which of the tasks that a task depends on are still open, in the order of `depends_on`. */
@Injectable()
export class OpenDependencies {
  constructor(private readonly database: TenantDatabase) {}

  /** Most tasks depend on nothing, and an ended one is blocked by nothing: neither costs a read. */
  async of(caller: Caller, task: Task): Promise<OpenDependency[]> {
    if (task.status !== 'open' || task.depends_on.length === 0) return [];
    return this.database.query<OpenDependency>(caller, {
      name: 'tasks_open_dependencies',
      text: `select t.id, t.state->>'title' as title
               from tasks t where t.id = any($1::text[]) and t.status = 'open'
              order by array_position($1::text[], t.id)`,
      values: [task.depends_on],
    });
  }
}
