import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { project } from '../project.mjs';
import { serve, visit, worked } from '../visit.mjs';

/** Serves a folder for as long as it is visited. */
async function visited(folder, page = '') {
  const site = await serve(folder);
  try {
    return await visit(site.address + page);
  } finally {
    site.stop();
  }
}

test('Vite', async () => {
  const { folder, bin } = project('vite');
  bin('vite/bin/vite.js', 'build', '--logLevel', 'warn');
  worked(await visited(path.join(folder, 'dist')));
});

test('Rollup, the worker as a second entry and the runtime copied', async () => {
  const { folder, bin, copy } = project('rollup');
  bin('rollup/dist/bin/rollup', '--config', '--silent');
  finish(copy);
  worked(await visited(path.join(folder, 'dist')));
});

test('esbuild, the worker as a second entry and the runtime copied', async () => {
  const { folder, bin, copy } = project('esbuild');
  const entries = ['app.js', 'worker=stillglass/worker'];
  bin('esbuild/bin/esbuild', ...entries, '--bundle', '--format=esm', '--outdir=dist', '--log-level=warning');
  finish(copy);
  worked(await visited(path.join(folder, 'dist')));
});

test('esbuild, one classic script with the runtime inside', async () => {
  const { folder, bin, copy } = project('esbuild');
  bin('esbuild/bin/esbuild', 'inline.js', '--bundle', '--format=iife', '--outdir=dist', '--log-level=error');
  copy('inline.html', 'dist/inline.html');
  const seen = await visited(path.join(folder, 'dist'), 'inline.html');
  worked(seen, { threads: 0 });
  assert.deepEqual(seen.requests.filter((address) => address.endsWith('.wasm')), []);
});

test('what is imported and not used is left out', () => {
  const { folder, bin } = project('esbuild');
  bin('esbuild/bin/esbuild', 'unused.js', '--bundle', '--format=esm', '--minify', '--outdir=dist', '--external:react');
  const left = readFileSync(path.join(folder, 'dist/unused.js'), 'utf8');
  assert.equal(left.trim(), 'console.log("nothing");');
});

/** The runtime and the page beside the scripts. */
function finish(copy) {
  copy('node_modules/stillglass/dist/stillglass_bg.wasm', 'dist/stillglass_bg.wasm');
  copy('index.html', 'dist/index.html');
}
