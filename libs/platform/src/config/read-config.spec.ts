import { BadConfiguration, flag, oneOf, optional, postgresUrl, readConfig, serviceConfig, serviceUrl, text, wholeNumber } from '.';

const SECRET = 'a secret that nobody should ever read in a log';
const GOOD = {
  PORT: '4001',
  DATABASE_URL: 'postgresql://app:hush@127.0.0.1/works',
  WORKER_DATABASE_URL: 'postgresql://worker:hush@127.0.0.1/works',
  EVENT_LOG: 'embedded',
  LOG_DATABASE_URL: 'postgresql://log:hush@127.0.0.1/log',
  WORKS_SECRET: SECRET,
};

/** What is wrong, one line for each variable. */
function complaintsAbout(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof BadConfiguration) return [...error.problems];
    throw error;
  }
  return [];
}

describe('the configuration of a service', () => {
  it('is read once, typed, with defaults', () => {
    expect(serviceConfig(GOOD)).toMatchObject({
      listen: { port: 4001 },
      eventLog: 'embedded',
      kafkaBrokers: [],
      migrationDatabaseUrl: null,
      logLevel: 'info',
      allowPrivateAddresses: false,
      organizationInFlightMax: 96,
      disableAfterHours: 120,
      retentionDays: 30,
      eventRetentionDays: 365,
      secretsKeys: null,
    });
    expect(serviceConfig({ ...GOOD, SECRETS_KEYS: `${SECRET}!, ${SECRET}` }).secretsKeys).toEqual([`${SECRET}!`, SECRET]);
    const { PORT: _, ...rest } = GOOD;
    expect(serviceConfig({ ...rest, LISTEN: '/run/works/tasks.sock' }).listen).toEqual({ path: '/run/works/tasks.sock' });
    expect(serviceConfig(rest).listen).toEqual({ port: 0 });
    expect(serviceConfig({ ...GOOD, EVENT_LOG: 'kafka', KAFKA_BROKERS: 'a:9092, b:9093' }).kafkaBrokers).toEqual(['a:9092', 'b:9093']);
  });

  it('names every bad variable at once, with what was expected', () => {
    const env = {
      PORT: 'four',
      EVENT_LOG: 'kafka',
      WORKS_SECRET: 'short',
      LOG_LEVEL: 'loud',
      SECRETS_KEYS: `${SECRET},short`,
      TASKS_URL: 'tasks',
      WEBHOOKS_ALLOW_PRIVATE_ADDRESSES: 'yes',
    };
    expect(complaintsAbout(() => serviceConfig(env))).toEqual([
      'PORT is wrong: expected a whole number from 0 to 65535',
      'DATABASE_URL is missing: expected a postgresql:// address',
      'WORKER_DATABASE_URL is missing: expected a postgresql:// address',
      'KAFKA_BROKERS is missing: expected host:port of each broker, with commas between',
      'WORKS_SECRET is wrong: expected at least 32 characters',
      'SECRETS_KEYS is wrong: expected secrets of at least 32 characters each, with commas between',
      'TASKS_URL is wrong: expected http://host:port or unix:/path/of.sock',
      'LOG_LEVEL is wrong: expected one of trace, debug, info, warn, error, silent',
      'WEBHOOKS_ALLOW_PRIVATE_ADDRESSES is wrong: expected true or false',
    ]);
  });

  it('takes SK Billing whole or not at all, over a connection that nobody else can hear, and another key for test mode', () => {
    const billing = { BILLING_URL: 'https://billing.example/', BILLING_KEY: 'bk_live_12345', BILLING_TEST_KEY: 'bk_test_12345' };
    expect(serviceConfig({ ...GOOD, ...billing })).toMatchObject({ billingUrl: 'https://billing.example', billingKey: 'bk_live_12345' });
    expect(serviceConfig(GOOD)).toMatchObject({ billingUrl: null, billingKey: null, billingTestKey: null });
    const about = (changes: object) =>
      complaintsAbout(() => serviceConfig({ ...GOOD, ...billing, ...changes })).map((complaint) => complaint.split(': ')[0]);
    expect(about({ BILLING_KEY: '', BILLING_TEST_KEY: '' })).toEqual(['BILLING_KEY is missing']);
    expect(about({ BILLING_URL: '', BILLING_TEST_KEY: '' })).toEqual(['BILLING_URL is missing']);
    expect(about({ BILLING_URL: '', BILLING_KEY: '' })).toEqual(['BILLING_URL is missing', 'BILLING_KEY is missing']);
    expect(about({ BILLING_TEST_KEY: 'bk_live_12345' })).toEqual(['BILLING_TEST_KEY is wrong']);
    expect(about({ BILLING_KEY: 'two words' })).toEqual(['BILLING_KEY is wrong']);
    for (const url of ['http://billing.example', 'https://me:hush@billing.example', 'https://billing.example?a=1', 'billing'])
      expect(about({ BILLING_URL: url })).toEqual(['BILLING_URL is wrong']);
    for (const url of ['http://localhost:4100', 'http://127.0.0.1:4100/base', 'http://[::1]:4100'])
      expect(about({ BILLING_URL: url })).toEqual([]);
  });

  it('needs the database of the log where the log is embedded', () => {
    expect(complaintsAbout(() => serviceConfig({ ...GOOD, LOG_DATABASE_URL: '' }))).toEqual([
      'LOG_DATABASE_URL is missing: expected a postgresql:// address',
    ]);
  });

  // The message is printed where the process was started, and ends up in logs.
  it('never repeats a value', () => {
    const env = { ...GOOD, DATABASE_URL: 'mysql://app:hush@127.0.0.1', WORKS_SECRET: 'hush', KAFKA_BROKERS: 'hush', SECRETS_KEYS: 'hush' };
    expect(complaintsAbout(() => serviceConfig(env)).join()).not.toContain('hush');
  });
});

describe('a reader of one variable', () => {
  const read = <T>(reader: (value: string | undefined) => T, value?: string) => {
    let result: T | undefined;
    const complaints = complaintsAbout(
      () => (result = readConfig({ it: ['IT', reader] }, { ...(value !== undefined && { IT: value }) }).it),
    );
    return complaints.length > 0 ? 'refused' : result;
  };

  it('takes what it is for, and nothing that only looks like it', () => {
    expect([read(wholeNumber(1, 9), '7'), read(wholeNumber(1, 9, 3)), read(flag(true)), read(flag(true), 'false')]).toEqual([
      7,
      3,
      true,
      false,
    ]);
    for (const value of ['0', '10', '1.5', '1e0', ' 1', '-1', '']) expect(read(wholeNumber(1, 9), value)).toBe('refused');
    for (const value of ['TRUE', '1', 'no']) expect(read(flag(false), value)).toBe('refused');
    for (const value of ['http://127.0.0.1:4001', 'https://tasks', 'unix:/run/x.sock']) expect(read(serviceUrl, value)).toBe(value);
    for (const value of ['ftp://x', 'http://x/path', '127.0.0.1:1', undefined]) expect(read(serviceUrl, value)).toBe('refused');
    expect([read(optional(postgresUrl)), read(optional(postgresUrl), 'x')]).toEqual([null, 'refused']);
    expect([read(oneOf(['a', 'b'], 'b')), read(oneOf(['a', 'b'], 'b'), 'c'), read(text()), read(text(), 'x')]).toEqual([
      'b',
      'refused',
      'refused',
      'x',
    ]);
  });
});
