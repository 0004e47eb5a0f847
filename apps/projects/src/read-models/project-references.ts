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

  /** What the unique index means to the caller: nothing any more when the reference was given up in the moment since. */
  async refusal(caller: Caller, reference: string): Promise<RuleViolation | 'decide_again'> {
    const holder = await this.find(caller, reference);
    return holder === null ? 'decide_again' : referenceTaken(holder);
  }
}

export const referenceTaken = (holder: string): RuleViolation =>
  new RuleViolation('reference_taken', `The project ${holder} has this reference already.`, { project_id: holder });
