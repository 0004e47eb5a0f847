import { Injectable } from '@nestjs/common';
import { TEMPLATE_KEY } from '@works/contracts/templates';
import type { Caller } from '@works/platform/caller';
import { RuleViolation } from '@works/platform/errors';
import { TenantDatabase } from '@works/platform/tenancy';
import type { Template } from '../domain/template';
import { templateOf, VERSION_COLUMNS, type VersionRow } from '../read-models/template-rows';
import { builtIn } from './built-in';

/**
 * The templates of an organization: its own, and beneath them those that came with the product. Where both have a key, the built-in
 * versions are those before the organization's first, so that what a project was planned with never changes (ADR 7).
 */
@Injectable()
export class Templates {
  constructor(private readonly database: TenantDatabase) {}

  /** The version asked for, or the newest. */
  async find(caller: Caller, key: string, version: number | null): Promise<Template | null> {
    if (!TEMPLATE_KEY.test(key)) return null;
    // Own versions have no gaps, so the newest up to the one asked for is that one, or there is none, or it is not published yet.
    const [own] = await this.database.query<VersionRow>(caller, {
      name: 'templates_find',
      text: `select ${VERSION_COLUMNS}, t.milestones from template_versions t
              where t.key = $1 and ($2::integer is null or t.version <= $2) order by t.version desc limit 1`,
      values: [key, version],
    });
    if (own === undefined) return builtIn(key, version);
    return version === null || own.version === version ? templateOf(own) : null;
  }

  /** For a project: refuses with the field that is to blame. */
  async mustFind(caller: Caller, key: string, version: number | null): Promise<Template> {
    const found = await this.find(caller, key, version);
    if (found !== null) return found;
    const known = version !== null && (await this.find(caller, key, null)) !== null;
    throw known
      ? notFound('/template_version', `The template ${key} has no version ${version}.`)
      : notFound('/template', `There is no template ${key}.`);
  }
}

const notFound = (pointer: string, detail: string): RuleViolation =>
  new RuleViolation('template_not_found', detail, { errors: [{ pointer, code: 'template_not_found', detail }] });
