// node ../../tools/swc-build.mjs   (in a project's folder): src/**/*.ts becomes dist/**/*.js, CommonJS, decorator metadata kept.
// Imports stay as they are: `@works/…` is found at run time through the npm workspaces and the `exports` of their package.json.
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { transformFile } from '@swc/core';

const OPTIONS = {
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    target: 'es2022',
    keepClassNames: true,
  },
  // `import()` stays what it is: it loads ES modules.
  module: { type: 'commonjs', ignoreDynamic: true },
  sourceMaps: true,
  swcrc: false,
};

/** Only tests read these. */
const ONLY_FOR_TESTS = /\.(spec|examples)\.ts$/;

// A file whose source is gone must not live on in dist.
await rm('dist', { recursive: true, force: true });
const sources = existsSync('src') ? await readdir('src', { recursive: true }) : [];
const wanted = sources.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !ONLY_FOR_TESTS.test(file));
await Promise.all(wanted.map(build));
console.log(`${wanted.length} files`);

async function build(file) {
  const target = join('dist', file.replace(/\.ts$/, '.js'));
  const { code, map } = await transformFile(join('src', file), OPTIONS);
  await mkdir(dirname(target), { recursive: true });
  await Promise.all([writeFile(target, `${code}\n//# sourceMappingURL=${basename(target)}.map\n`), writeFile(`${target}.map`, map)]);
}
