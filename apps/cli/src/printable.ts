/**
 * What customers wrote goes to an operator's terminal, where control characters move the cursor, change the title or end the line, and
 * those of bidirectional text swap what is read: each becomes a replacement character.
 */
export const printable = (text: string): string => text.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, '\ufffd');
