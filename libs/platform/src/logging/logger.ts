import { pino, type Logger } from 'pino';

export type { Logger };

/** Secrets wherever they stand in a line: API keys, webhook secrets, passwords in connection strings. */
const SECRETS = /\b(sk_(?:live|test)_|whsec_)[A-Za-z0-9+/=_-]+|(:\/\/[^:/@\s"]+:)[^@\s"]+(?=@)/g;

const withoutSecrets = (line: string): string =>
  line.includes('sk_') || line.includes('whsec_') || line.includes('://') ? line.replace(SECRETS, '$1$2…') : line;

/** JSON lines on standard output. */
export function createLogger({ name, level }: { name: string; level: string }): Logger {
  return pino({
    name,
    level,
    base: { name },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: ['headers.authorization', 'headers["works-caller"]', 'secret', '*.secret'], censor: '…' },
    hooks: { streamWrite: withoutSecrets },
  });
}
