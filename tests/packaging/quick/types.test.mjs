import { test } from 'node:test';
import { project } from '../project.mjs';

const STRICT = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--skipLibCheck', 'false'];

for (const resolution of ['nodenext', 'bundler']) {
  test(`types, resolved as ${resolution} does`, () => {
    const module = resolution === 'bundler' ? 'esnext' : resolution;
    const target = ['--target', 'es2022', '--lib', 'es2022,dom', '--module', module, '--moduleResolution', resolution];
    project('types').bin('typescript/bin/tsc', ...STRICT, ...target, 'app.ts');
  });
}
