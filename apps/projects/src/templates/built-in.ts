import type { Template } from '../domain/template';
import { fitoutV2 } from './fitout_v2';

/** What every organization starts with, sorted by key and version. A version that has shipped never changes: a change is a version more. */
export const BUILT_IN: readonly Template[] = [fitoutV2];

/** The version asked for, or the newest. */
export function builtIn(key: string, version: number | null): Template | null {
  const versions = BUILT_IN.filter((template) => template.key === key);
  return (version === null ? versions.at(-1) : versions.find((template) => template.version === version)) ?? null;
}
