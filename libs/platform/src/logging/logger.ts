import { pino, type Logger, type LoggerOptions as LoggerSettings } from 'pino';

export type { Logger };

/** Secrets wherever they stand in a line: API keys, webhook secrets, passwords in connection strings. */
const SECRETS = /\b(sk_(?:live|test)_|whsec_)[A-Za-z0-9+/=_-]+|(:\/\/[^:/@\s"]*:)[^@\s"]+(?=@)/g;

const withoutSecrets = (line: string): string =>
  line.includes('sk_') || line.includes('whsec_') || line.includes('://') ? line.replace(SECRETS, '$1$2…') : line;

export interface LoggerOptions {
  readonly name: string;
  readonly level: string;
  /** Where the lines go; standard output unless told otherwise. */
  readonly write?: (line: string) => void;
}

/** JSON lines, one for each event. No secret gets through, whichever member or message it stands in. */
export function createLogger({ name, level, write }: LoggerOptions): Logger {
  const options: LoggerSettings = {
    name,
    level,
    base: { name },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: ['headers.authorization', 'headers["works-caller"]', 'secret', '*.secret'], censor: '…' },
    hooks: { streamWrite: withoutSecrets },
  };
  return write === undefined ? pino(options) : pino(options, { write });
}
