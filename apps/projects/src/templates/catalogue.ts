import { RuleViolation } from '@works/platform/errors';
import type { Template } from '../domain/template';
import { fitoutV2 } from './fitout_v2';

/** What every organization starts with; templates of their own will be looked up beside these. */
const BUILT_IN: readonly Template[] = [fitoutV2];

/** The version asked for, or the newest. */
export function findTemplate(key: string, version: number | null): Template {
  const versions = BUILT_IN.filter((template) => template.key === key).sort((a, b) => b.version - a.version);
  if (versions.length === 0) throw notFound('/template', `There is no template ${key}.`);
  const found = version === null ? versions[0] : versions.find((template) => template.version === version);
  if (found === undefined) throw notFound('/template_version', `The template ${key} has no version ${version}.`);
  return found;
}

const notFound = (pointer: string, detail: string): RuleViolation =>
  new RuleViolation('template_not_found', detail, { errors: [{ pointer, code: 'template_not_found', detail }] });
