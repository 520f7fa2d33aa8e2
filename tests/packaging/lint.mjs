/** Looks at a tarball with publint and attw: `node lint.mjs TARBALL`. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const tarball = process.argv[2];
const run = (script, ...args) => {
  const file = fileURLToPath(new URL(`node_modules/${script}`, import.meta.url));
  execFileSync(process.execPath, [file, ...args], { stdio: 'inherit' });
};

run('publint/src/cli.js', 'run', tarball, '--strict');
// The package is for ESM alone, and its `.wasm` has no types.
run('@arethetypeswrong/cli/dist/index.js', tarball, '--profile', 'esm-only', '--exclude-entrypoints', './stillglass_bg.wasm');
