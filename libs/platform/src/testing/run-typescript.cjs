// For tests that need a process of their own to kill: `node run-typescript.cjs file.ts`. Compiles what is required, as Jest does.
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { join, resolve } = require('node:path');
const { transformSync } = require('@swc/core');

const options = {
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    target: 'es2022',
  },
  module: { type: 'commonjs' },
  swcrc: false,
};

// Our own libraries as they are written, so that nothing has to be built first.
const find = Module._resolveFilename;
const libs = join(__dirname, '../../..');
Module._resolveFilename = (request, ...rest) => {
  const [, lib, folder] = /^@works\/(platform|contracts)\/([^/]+)$/.exec(request) ?? [];
  return find(lib === undefined ? request : join(libs, lib, 'src', folder, 'index.ts'), ...rest);
};

Module._extensions['.ts'] = (module, filename) =>
  module._compile(transformSync(readFileSync(filename, 'utf8'), { ...options, filename }).code, filename);

require(resolve(process.argv[2]));
