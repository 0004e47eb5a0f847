import { Injectable } from '@nestjs/common';
import type { Caller } from '@works/platform/caller';
import { RuleViolation } from '@works/platform/errors';
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

  /** What the unique index means to the caller. */
  async taken(caller: Caller, reference: string): Promise<RuleViolation> {
    const id = await this.find(caller, reference);
    // Given up in the moment since; a new attempt can have it.
    if (id === null) return new RuleViolation('reference_taken', 'Another project had this reference a moment ago.', { project_id: null });
    return new RuleViolation('reference_taken', `The project ${id} has this reference already.`, { project_id: id });
  }
}
