const preset = require('./jest.preset.cjs');

const onPostgres = { globalSetup: '<rootDir>/tools/jest/start-postgres.ts', globalTeardown: '<rootDir>/tools/jest/stop-postgres.ts' };

/** Rules run in memory; storage and transports on real PostgreSQL and Kafka; journeys through the public API with processes killed. */
module.exports = {
  projects: [
    { ...preset, displayName: 'unit', testRegex: '(apps|libs|tools)/.*(?<!\\.int)\\.spec\\.ts$' },
    { ...preset, ...onPostgres, displayName: 'int', testRegex: '(apps|libs|tools)/.*\\.int\\.spec\\.ts$' },
    { ...preset, displayName: 'chaos', testRegex: 'e2e/.*\\.chaos\\.spec\\.ts$' },
    { ...preset, ...onPostgres, displayName: 'e2e', testRegex: 'e2e/.*\\.e2e\\.spec\\.ts$' },
  ],
  testTimeout: 120_000,
};
