// Run in a project's folder: transpiles src/**/*.ts to dist/**/*.js. Types are checked elsewhere; decorator metadata is kept.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import swc from '@swc/core';

const options = {
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    target: 'es2022',
    keepClassNames: true,
  },
  module: { type: 'commonjs' },
  sourceMaps: true,
  swcrc: false,
};

const isSource = (file) => file.endsWith('.ts') && !/\.(spec|fixture|examples|d)\.ts$/.test(file);

rmSync('dist', { recursive: true, force: true });
const files = readdirSync('src', { recursive: true }).filter(isSource);
for (const file of files) {
  const out = join('dist', file.replace(/\.ts$/, '.js'));
  mkdirSync(dirname(out), { recursive: true });
  const { code, map } = swc.transformFileSync(join('src', file), options);
  writeFileSync(out, `${code}\n//# sourceMappingURL=${basename(out)}.map\n`);
  writeFileSync(`${out}.map`, map);
}
console.log(`${files.length} files`);
