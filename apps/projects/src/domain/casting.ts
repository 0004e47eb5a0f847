import type { Id } from '@works/platform/ids';
import { fill, placeholdersIn, type Values } from './placeholders';
import type { Template, TemplateVariable } from './template';

type UserId = Id<'usr'>;

/** One field of a request that does not suit the template. */
export interface Unsuitable {
  readonly pointer: string;
  readonly code: 'role_missing' | 'required' | 'unknown_field' | 'wrong_type' | 'not_a_date' | 'too_long' | 'too_short';
  readonly detail: string;
}

/** Who plays which role: the one who was named, or whom the template has by default. Nobody: the role is left out. */
export function cast(template: Template, ownerId: UserId, named: Readonly<Record<string, UserId>>): Record<string, UserId> {
  const roles: Record<string, UserId> = {};
  for (const role of template.roles) {
    const player = own(named, role.key) ?? (role.default === 'owner' ? ownerId : undefined);
    if (player !== undefined) roles[role.key] = player;
  }
  return roles;
}

/** Everything at once, so that a caller need not find out one by one. */
export function unsuitable(
  template: Template,
  roles: Readonly<Record<string, unknown>>,
  variables: Readonly<Record<string, unknown>>,
): Unsuitable[] {
  const found = [
    ...template.roles
      .filter((role) => role.required && role.default === null && own(roles, role.key) === undefined)
      .map(({ key, name }): Unsuitable => ({
        pointer: at('roles', key),
        code: 'role_missing',
        detail: `names nobody as ${name}, which ${template.key} requires`,
      })),
    ...strangers('roles', roles, template.roles, template.key),
    ...template.variables
      .filter((variable) => variable.required && own(variables, variable.key) === undefined)
      .map(({ key }): Unsuitable => ({ pointer: at('variables', key), code: 'required', detail: `is required by ${template.key}` })),
    ...strangers('variables', variables, template.variables, template.key),
    ...template.variables.flatMap((variable) => misfit(variable, own(variables, variable.key))),
  ];
  return found.length > 0 ? found : spills(template, variables as Values);
}

const TITLE_CHARACTERS_MAX = 200;
const DESCRIPTION_CHARACTERS_MAX = 10_000;

/** Variables whose values make a text of the plan too long, or leave nothing of it. */
function spills({ milestones }: Template, values: Values): Unsuitable[] {
  const found = new Map<string, Unsuitable>();
  const look = (text: string | null, what: string, most: number, least: number) => {
    const names = text === null ? [] : placeholdersIn(text);
    if (names.length === 0) return;
    const filled = fill(text!, values);
    const tooLong = [...filled].length > most;
    if (!tooLong && filled.trim().length >= least) return;
    const [code, detail] = tooLong
      ? (['too_long', `makes the ${what} longer than ${most} characters`] as const)
      : (['too_short', `leaves nothing of the ${what}`] as const);
    for (const name of names) if (!found.has(name)) found.set(name, { pointer: at('variables', name), code, detail });
  };
  for (const { key, name, tasks } of milestones) {
    look(name, `name of milestone ${key}`, TITLE_CHARACTERS_MAX, 1);
    for (const task of tasks) {
      look(task.title, `title of task ${task.key}`, TITLE_CHARACTERS_MAX, 1);
      look(task.description, `description of task ${task.key}`, DESCRIPTION_CHARACTERS_MAX, 0);
    }
  }
  return [...found.values()];
}

function strangers(field: string, given: object, known: readonly { key: string }[], templateKey: string): Unsuitable[] {
  const keys = new Set(known.map(({ key }) => key));
  return Object.keys(given)
    .filter((key) => !keys.has(key))
    .map((key) => ({ pointer: at(field, key), code: 'unknown_field', detail: `is not one of the ${field} of ${templateKey}` }));
}

function misfit({ key, type }: TemplateVariable, value: unknown): Unsuitable[] {
  if (value === undefined) return [];
  const pointer = at('variables', key);
  if (typeof value !== (type === 'number' ? 'number' : 'string'))
    return [{ pointer, code: 'wrong_type', detail: `must be ${type === 'text' ? 'text' : `a ${type}`}` }];
  return type === 'date' && !isDate(value as string) ? [{ pointer, code: 'not_a_date', detail: 'must be a date, YYYY-MM-DD' }] : [];
}

export const isDate = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text);

/** A key of the caller's is never looked up among what every object inherits. */
const own = <T>(map: Readonly<Record<string, T>>, key: string): T | undefined => (Object.hasOwn(map, key) ? map[key] : undefined);

/** RFC 6901: `~` and `/` inside a name are escaped. */
const at = (field: string, key: string): string => `/${field}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
