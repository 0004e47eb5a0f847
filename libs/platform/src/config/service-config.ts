import { flag, oneOf, optional, postgresUrl, readConfig, serviceUrl, text, type Reader } from './read-config';

/** A port, or the path of a unix socket. */
export type ListenOn = { port: number } | { path: string };

const listenOn: Reader<ListenOn> = (value) => (value?.startsWith('/') ? { path: value } : { port: port(value) });

const port = (value: string | undefined): number => {
  const number = Number(value ?? 0);
  return Number.isInteger(number) && number >= 0 && number <= 65_535 ? number : Number.NaN;
};

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

const addresses: Reader<string[]> = (value) => (value ?? '').split(',').filter((address) => address !== '');

/** What every service reads from its environment; bad variables are all named at once. */
export function serviceConfig(env: NodeJS.ProcessEnv) {
  const listen = env['LISTEN'] ?? env['PORT'];
  return readConfig(
    {
      listen: ['LISTEN', () => listenOn(listen)],
      databaseUrl: ['DATABASE_URL', postgresUrl],
      workerDatabaseUrl: ['WORKER_DATABASE_URL', postgresUrl],
      migrationDatabaseUrl: ['MIGRATION_DATABASE_URL', optional(postgresUrl)],
      eventLog: ['EVENT_LOG', oneOf(['embedded', 'kafka'])],
      logDatabaseUrl: ['LOG_DATABASE_URL', env['EVENT_LOG'] === 'embedded' ? postgresUrl : optional(postgresUrl)],
      kafkaBrokers: ['KAFKA_BROKERS', addresses],
      secret: ['WORKS_SECRET', text('at least 32 characters', 32)],
      projectsUrl: ['PROJECTS_URL', optional(serviceUrl)],
      tasksUrl: ['TASKS_URL', optional(serviceUrl)],
      webhooksUrl: ['WEBHOOKS_URL', optional(serviceUrl)],
      logLevel: ['LOG_LEVEL', oneOf(LOG_LEVELS, 'info')],
      allowPrivateAddresses: ['WEBHOOKS_ALLOW_PRIVATE_ADDRESSES', flag(false)],
    },
    env,
  );
}

export type ServiceConfig = ReturnType<typeof serviceConfig>;
