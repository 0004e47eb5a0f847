import { expected, flag, oneOf, optional, postgresUrl, readConfig, serviceUrl, text, wholeNumber, type Reader } from './read-config';

/** A port, or the path of a unix socket. */
export type ListenOn = { port: number } | { path: string };

const port = wholeNumber(0, 65_535, 0);

const listenOn: Reader<ListenOn> = (value) => (value?.startsWith('/') ? { path: value } : { port: port(value) });

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

/** `host:port` of each broker; needed where Kafka is the log. */
const brokers =
  (needed: boolean): Reader<string[]> =>
  (value) => {
    const addresses = (value ?? '')
      .split(',')
      .map((address) => address.trim())
      .filter((address) => address !== '');
    const usable = addresses.every((address) => /^[^\s/]+:\d{1,5}$/.test(address)) && (addresses.length > 0 || !needed);
    return usable ? addresses : expected('host:port of each broker, with commas between');
  };

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** The key travels with every request: in the clear only where nobody but this machine can hear it. */
const billingUrl: Reader<string> = (value = '') => {
  const url = URL.canParse(value) ? new URL(value) : null;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.test(url.hostname));
  const isPlain = isSafe && [url.username, url.password, url.search, url.hash].every((part) => part === '');
  return isPlain ? value.replace(/\/+$/, '') : expected('https://host (http:// only to this machine itself), without credentials or query');
};

const billingKey: Reader<string> = (value) =>
  /^[\x21-\x7e]{8,}$/.test(value ?? '') ? value! : expected('a key of SK Billing, needed together with BILLING_URL');

/** Whoever gives test mode the live key would have it draft real invoices. */
const billingTestKey =
  (liveKey: string | undefined): Reader<string> =>
  (value) =>
    value === liveKey ? expected('another key than BILLING_KEY') : billingKey(value);

/** Secrets with commas between, the one that seals first (see Keyring). */
const keys: Reader<[string, ...string[]]> = (value) => {
  const secrets = (value ?? '').split(',').map((secret) => secret.trim());
  return secrets.every((secret) => secret.length >= 32)
    ? (secrets as [string, ...string[]])
    : expected('secrets of at least 32 characters each, with commas between');
};

/** What every service reads from its environment; bad variables are all named at once. */
export function serviceConfig(env: NodeJS.ProcessEnv) {
  return readConfig(
    {
      listen: [env['LISTEN'] ? 'LISTEN' : 'PORT', listenOn],
      host: ['HOST', (value) => value ?? '127.0.0.1'],
      databaseUrl: ['DATABASE_URL', postgresUrl],
      workerDatabaseUrl: ['WORKER_DATABASE_URL', postgresUrl],
      migrationDatabaseUrl: ['MIGRATION_DATABASE_URL', optional(postgresUrl)],
      eventLog: ['EVENT_LOG', oneOf(['embedded', 'kafka'])],
      logDatabaseUrl: ['LOG_DATABASE_URL', env['EVENT_LOG'] === 'embedded' ? postgresUrl : optional(postgresUrl)],
      kafkaBrokers: ['KAFKA_BROKERS', brokers(env['EVENT_LOG'] === 'kafka')],
      secret: ['WORKS_SECRET', text('at least 32 characters', 32)],
      /** Null: WORKS_SECRET seals. */
      secretsKeys: ['SECRETS_KEYS', optional(keys)],
      projectsUrl: ['PROJECTS_URL', optional(serviceUrl)],
      tasksUrl: ['TASKS_URL', optional(serviceUrl)],
      webhooksUrl: ['WEBHOOKS_URL', optional(serviceUrl)],
      logLevel: ['LOG_LEVEL', oneOf(LOG_LEVELS, 'info')],
      billingUrl: ['BILLING_URL', env['BILLING_KEY'] || env['BILLING_TEST_KEY'] ? billingUrl : optional(billingUrl)],
      billingKey: ['BILLING_KEY', env['BILLING_URL'] || env['BILLING_TEST_KEY'] ? billingKey : optional(billingKey)],
      billingTestKey: ['BILLING_TEST_KEY', optional(billingTestKey(env['BILLING_KEY']))],
      allowPrivateAddresses: ['WEBHOOKS_ALLOW_PRIVATE_ADDRESSES', flag(false)],
      // Most of one worker's places for first attempts, and not all of them: nobody can be shut out by one organization whose receivers hang.
      organizationInFlightMax: ['WEBHOOKS_ORGANIZATION_IN_FLIGHT_MAX', wholeNumber(1, 10_000, 96)],
      disableAfterHours: ['WEBHOOKS_DISABLE_AFTER_HOURS', wholeNumber(1, 8_760, 120)],
      // Not less than the event log keeps: what it brings again must be known here.
      retentionDays: ['RETENTION_DAYS', wholeNumber(7, 3_650, 30)],
      // Longer than projects take: their timelines are read from it.
      eventRetentionDays: ['EVENT_RETENTION_DAYS', wholeNumber(7, 3_650, 365)],
    },
    env,
  );
}

export type ServiceConfig = ReturnType<typeof serviceConfig>;
