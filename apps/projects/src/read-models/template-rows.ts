import type { Template } from '../domain/template';

/** A version as the database keeps it; its milestones are large, and not in every answer. */
export interface VersionRow extends Omit<Template, 'created_at' | 'published_at'> {
  readonly created_at: Date;
  readonly published_at: Date;
}

export const VERSION_COLUMNS = 't.id, t.key, t.version, t.name, t.calendar, t.roles, t.variables, t.created_at, t.published_at';

export const templateOf = ({ created_at, published_at, ...said }: VersionRow): Template => ({
  ...said,
  created_at: created_at.toISOString(),
  published_at: published_at.toISOString(),
});
