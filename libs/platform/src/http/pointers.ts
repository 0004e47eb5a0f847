/** One step of a JSON pointer (RFC 6901). */
export const escaped = (member: string): string => member.replaceAll('~', '~0').replaceAll('/', '~1');
