const path = require('node:path');

const swc = {
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    target: 'es2022',
    keepClassNames: true,
  },
  module: { type: 'commonjs' },
  sourceMaps: 'inline',
  swcrc: false,
};
const swcJs = { jsc: { parser: { syntax: 'ecmascript' }, target: 'es2022' }, module: { type: 'commonjs' }, swcrc: false };

/** Jest cannot load ES modules through require on Node 20, so the packages that are nothing else become CommonJS once (cached). */
const ESM_ONLY = [
  '@nestjs',
  'file-type',
  'load-esm',
  'content-disposition',
  'cookie',
  'temporal-polyfill',
  'temporal-utils',
  'strtok3',
  'token-types',
  'uint8array-extras',
  'class-validator-jsonschema',
];

module.exports = {
  rootDir: __dirname,
  testEnvironment: 'node',
  // What was compiled is kept between runs, and goes with the dependencies it was compiled with.
  cacheDirectory: path.join(__dirname, 'node_modules/.cache/jest'),
  moduleFileExtensions: ['ts', 'js', 'mjs', 'json'],
  modulePathIgnorePatterns: ['<rootDir>/(apps|libs)/[^/]+/dist'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  transform: { '^.+\\.ts$': [require.resolve('@swc/jest'), swc], '^.+\\.m?js$': [require.resolve('@swc/jest'), swcJs] },
  transformIgnorePatterns: [`/node_modules/(?!(${ESM_ONLY.join('|')})/)`],
  moduleNameMapper: { '^@works/(platform|contracts)/([^/]+)$': path.join(__dirname, 'libs/$1/src/$2') },
  setupFiles: [require.resolve('reflect-metadata')],
};
