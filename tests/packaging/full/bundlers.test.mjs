import path from 'node:path';
import { test } from 'node:test';
import { BUNDLE, project } from '../project.mjs';
import { serve, visit, worked } from '../visit.mjs';

async function visited(folder, policy) {
  const site = await serve(folder, policy);
  try {
    worked(await visit(site.address));
  } finally {
    site.stop();
  }
}

test('webpack', async () => {
  const { folder, bin, copy } = project('webpack');
  bin('webpack/bin/webpack.js', '--stats', 'errors-only');
  copy('index.html', 'dist/index.html');
  await visited(path.join(folder, 'dist'));
});

test('Parcel', async () => {
  const { folder, bin } = project('parcel');
  bin('parcel/lib/bin.js', 'build', 'index.html', '--cache-dir', path.join(folder, '.parcel-cache'), '--log-level', 'error');
  // No policy: Parcel writes an import map into the page, which a policy would have to name by its hash.
  await visited(path.join(folder, 'dist'), null);
});

test("Vite's development server", async () => {
  const { folder, copy } = project('vite');
  copy(BUNDLE, 'public/finance.glass');
  const { createServer } = await import(path.join(folder, 'node_modules/vite/dist/node/index.js'));
  const server = await createServer({ root: folder, logLevel: 'error', server: { host: '127.0.0.1' } });
  await server.listen();
  try {
    worked(await visit(server.resolvedUrls.local[0]));
  } finally {
    await server.close();
  }
});
