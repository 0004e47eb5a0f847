import { oneOf, optional, postgresUrl, readConfig, serviceUrl, text, wholeNumber } from '@works/platform/config';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

export function gatewayConfig(env: NodeJS.ProcessEnv) {
  return readConfig(
    {
      port: ['PORT', wholeNumber(0, 65_535, 4_000)],
      host: ['HOST', (value) => value ?? '127.0.0.1'],
      databaseUrl: ['DATABASE_URL', postgresUrl],
      migrationDatabaseUrl: ['MIGRATION_DATABASE_URL', optional(postgresUrl)],
      secret: ['WORKS_SECRET', text('at least 32 characters', 32)],
      projectsUrl: ['PROJECTS_URL', serviceUrl],
      tasksUrl: ['TASKS_URL', serviceUrl],
      webhooksUrl: ['WEBHOOKS_URL', serviceUrl],
      backlogFactsMax: ['BACKLOG_FACTS_MAX', wholeNumber(1, 9_999, 1_000)],
      backlogWaitSeconds: ['BACKLOG_WAIT_SECONDS', wholeNumber(1, 40, 10)],
      logLevel: ['LOG_LEVEL', oneOf(LOG_LEVELS, 'info')],
    },
    env,
  );
}

export type GatewayConfig = ReturnType<typeof gatewayConfig>;
