import { Controller, Get } from '@nestjs/common';
import { Task } from '@works/contracts/tasks';
import type { Caller } from '@works/platform/caller';
import { CurrentCaller, IdParam, Now, Operation, RequireScope, resource } from '@works/platform/http';
import { Problem } from '@works/platform/problems';
import { TenantDatabase } from '@works/platform/tenancy';
import type { TaskId } from '../domain/task';
import { presentRow, TASK_COLUMNS, type TaskRow } from './task-rows';

@Controller()
export class FindTask {
  constructor(private readonly database: TenantDatabase) {}

  @Get('/tasks/:id')
  @RequireScope('tasks:read')
  @Operation({ summary: 'Get a task', tag: 'Tasks', answers: { 200: Task } })
  async find(@IdParam('id', 'tsk') id: TaskId, @CurrentCaller() caller: Caller, @Now() now: Date) {
    const [row] = await this.database.query<TaskRow>(caller, {
      name: 'tasks_find',
      text: `select ${TASK_COLUMNS} from tasks t where t.id = $1`,
      values: [id],
    });
    if (row === undefined) throw new Problem('not_found', 'There is no such resource.');
    return resource(presentRow(row, now), row.version);
  }
}
