import { Problem } from '../problems';
import type { CommandRequest } from './types';

/** 412 with the current version unless the resource is at one of those that the caller has named, or named none. */
export function requireMatch({ ifMatch }: Pick<CommandRequest, 'ifMatch'>, version: number): void {
  if (ifMatch === null || ifMatch.includes(version)) return;
  throw new Problem('version_conflict', `The resource is at version ${version}, not ${ifMatch.join(' or ')}.`, {
    current_version: version,
  });
}
