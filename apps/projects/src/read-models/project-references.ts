import { Injectable } from '@nestjs/common';
import type { Caller } from '@works/platform/caller';
import { RuleViolation } from '@works/platform/errors';
import { DECIDE_AGAIN } from '@works/platform/event-store';
import { TenantDatabase } from '@works/platform/tenancy';

/** Which project has the caller's own id. */
@Injectable()
export class ProjectReferences {
  constructor(private readonly database: TenantDatabase) {}

  async find(caller: Caller, reference: string): Promise<string | null> {
    const [row] = await this.database.query<{ id: string }>(caller, {
      name: 'projects_by_reference',
      text: 'select id from projects where reference = $1',
      values: [reference],
    });
    return row?.id ?? null;
  }

  /** What the unique index means to the caller; whoever had the reference may have given it up meanwhile. */
  async taken(caller: Caller, reference: string): Promise<RuleViolation | typeof DECIDE_AGAIN> {
    const id = await this.find(caller, reference);
    if (id === null) return DECIDE_AGAIN;
    return new RuleViolation('reference_taken', `The project ${id} has this reference already.`, { project_id: id });
  }
}
