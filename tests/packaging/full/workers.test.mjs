import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { test } from 'node:test';
import { BUNDLE, project } from '../project.mjs';
import { LABEL, serve, visit, worked } from '../visit.mjs';

test('a page of a Chrome extension, manifest version 3', async () => {
  const { folder, copy } = project('extension');
  copy('node_modules/stillglass/dist', 'stillglass');
  copy(BUNDLE, 'finance.glass');
  const seen = await visit(`chrome-extension://${extensionId(realpathSync(folder))}/index.html`, { extension: folder });
  worked(seen);
});

test('a service worker', async () => {
  const { folder, copy } = project('worker');
  copy('node_modules/stillglass/dist', 'stillglass');
  const site = await serve(folder);
  try {
    worked(await visit(site.address), { threads: 0 });
  } finally {
    site.stop();
  }
});

test('workerd, which takes the runtime compiled', () => {
  const { bin, copy, run } = project('workerd');
  const externals = ['--external:*.wasm', '--external:*.glass'];
  bin('esbuild/bin/esbuild', 'app.js', '--bundle', '--format=esm', '--conditions=workerd', ...externals, '--outdir=dist', '--log-level=warning');
  copy('node_modules/stillglass/dist/stillglass_bg.wasm', 'dist/stillglass_bg.wasm');
  copy(BUNDLE, 'dist/finance.glass');
  assert.deepEqual(JSON.parse(run(process.execPath, 'ask.mjs')), { label: LABEL, words: ['Northwind', 'raises', 'its', 'profit', 'outlook'] });
});

/** Chrome names an unpacked extension by its path: half a SHA-256, in letters from a to p. */
function extensionId(folder) {
  const digest = createHash('sha256').update(folder).digest('hex').slice(0, 32);
  const id = [...digest].map((digit) => String.fromCharCode(97 + parseInt(digit, 16))).join('');
  assert.match(id, /^[a-p]{32}$/);
  return id;
}
