import assert from 'node:assert/strict';
import { test } from 'node:test';
import { project } from '../project.mjs';
import { serve, visit, worked } from '../visit.mjs';

test('a plain page with a self-hosted copy, no bundler', async () => {
  const { folder, copy } = project('plain');
  copy('node_modules/stillglass/dist', 'stillglass');
  const site = await serve(folder);
  try {
    const seen = await visit(site.address);
    worked(seen);
    const scripts = seen.requests.filter((address) => address.includes('/stillglass/') && address.endsWith('.js'));
    assert.ok(scripts.length <= 8, scripts.join());
  } finally {
    site.stop();
  }
});
