/** What the log tells its operators. A pino logger fits. */
export interface Reports {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const nothing = (): void => undefined;
export const noReports: Reports = { debug: nothing, info: nothing, warn: nothing, error: nothing };
