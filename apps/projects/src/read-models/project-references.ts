import { Injectable } from '@nestjs/common';
import type { Caller } from '@works/platform/caller';
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
}
