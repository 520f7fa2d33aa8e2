import assert from 'node:assert/strict';
import { cpSync, readFileSync } from 'node:fs';
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
  const { folder, bin } = project('rollup');
  bin('rollup/dist/bin/rollup', '--config', '--silent');
  finish(folder);
  worked(await visited(path.join(folder, 'dist')));
});

test('esbuild, the worker as a second entry and the runtime copied', async () => {
  const { folder, bin } = project('esbuild');
  const entries = ['app.js', 'worker=stillglass/worker'];
  bin('esbuild/bin/esbuild', ...entries, '--bundle', '--format=esm', '--outdir=dist', '--log-level=warning');
  finish(folder);
  worked(await visited(path.join(folder, 'dist')));
});

test('esbuild, one classic script with the runtime inside', async () => {
  const { folder, bin } = project('esbuild');
  bin('esbuild/bin/esbuild', 'inline.js', '--bundle', '--format=iife', '--outdir=dist', '--log-level=error');
  cpSync(path.join(folder, 'inline.html'), path.join(folder, 'dist/inline.html'));
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

function finish(folder) {
  const dist = path.join(folder, 'node_modules/stillglass/dist');
  cpSync(path.join(dist, 'stillglass_bg.wasm'), path.join(folder, 'dist/stillglass_bg.wasm'));
  cpSync(path.join(folder, 'index.html'), path.join(folder, 'dist/index.html'));
}
