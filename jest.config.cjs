const preset = require('./jest.preset.cjs');

const onPostgres = { globalSetup: '<rootDir>/tools/jest/start-postgres.ts', globalTeardown: '<rootDir>/tools/jest/stop-postgres.ts' };

/** Whatever talks to PostgreSQL has what it sends written down, when tools/test.mjs says where. */
const recorded = { setupFiles: [...preset.setupFiles, require.resolve('./tools/statements/record.cjs')] };

/** Rules run in memory; storage and transports on real PostgreSQL and Kafka; journeys through the public API with processes killed. */
module.exports = {
  projects: [
    { ...preset, displayName: 'unit', testRegex: '(apps|libs|tools)/.*(?<!\\.int)\\.spec\\.ts$' },
    { ...preset, ...onPostgres, ...recorded, displayName: 'int', testRegex: '(apps|libs|tools)/.*\\.int\\.spec\\.ts$' },
    { ...preset, ...recorded, displayName: 'chaos', testRegex: 'e2e/.*\\.chaos\\.spec\\.ts$' },
    { ...preset, ...onPostgres, ...recorded, displayName: 'e2e', testRegex: 'e2e/.*\\.e2e\\.spec\\.ts$' },
  ],
  // Ends what hangs, and nothing else: whoever waits in a test waits for progress (`eventually`), and a busy machine is no failure.
  testTimeout: 600_000,
};
