import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { BUNDLE, project } from '../project.mjs';
import { visit, worked } from '../visit.mjs';

test('Next, a static and a server-rendered page', async () => {
  const { folder, bin, copy } = project('next');
  copy(BUNDLE, 'public/finance.glass');
  bin('next/dist/bin/next', 'build');
  const { address, stop } = await started(folder);
  try {
    for (const page of ['', 'static']) {
      const html = await (await fetch(address + page)).text();
      assert.match(html, /not yet/, 'the server renders the page without a browser');
      worked(await visit(address + page));
    }
  } finally {
    await stop();
  }
});

async function started(folder) {
  const port = await freePort();
  const args = [path.join(folder, 'node_modules/next/dist/bin/next'), 'start', '--port', String(port), '--hostname', '127.0.0.1'];
  const server = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(server, 'exit');
  const address = `http://127.0.0.1:${port}/`;
  for (let attempt = 0; attempt < 300; attempt++) {
    if (server.exitCode !== null) throw new Error(`next start ended with ${server.exitCode}`);
    if (await fetch(address).then(({ ok }) => ok, () => false)) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const stop = () => (server.kill(), ended);
  return { address, stop };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
