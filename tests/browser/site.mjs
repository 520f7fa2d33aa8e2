/** The sites the tests visit: the built page as `vite preview` or a plain host serves it, and the bare package. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { cp, mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
/** What the page holds to: the same, and no text becomes HTML or code. */
export const PAGE_POLICY = `${POLICY}; require-trusted-types-for 'script'; trusted-types default`;
/** Media types by the ends of names. */
export const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

/** Serves `web/dist` the way the demo does. Returns its address and a function that stops it. */
export async function servePage() {
  const port = await freePort();
  const web = path.join(ROOT, 'web');
  const vite = spawn(
    process.execPath,
    ['node_modules/vite/bin/vite.js', 'preview', '--host', '127.0.0.1', '--port', String(port), '--strictPort'],
    { cwd: web, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const address = `http://127.0.0.1:${port}/`;
  const ended = once(vite, 'exit');
  await answering(address, vite);
  const stop = async () => {
    vite.kill();
    await ended;
  };
  return { address, stop };
}

/**
 * Serves the npm package under `/pkg/`, `harness.html` under `/` and `files` by their given paths,
 * all under the strict policy; a function in place of a path answers for itself. The package is copied
 * first: a build that runs meanwhile would mix the JavaScript of one with the module of another.
 */
export async function servePackage(files = {}) {
  const copy = await mkdtemp(path.join(tmpdir(), 'stillglass-package-'));
  await cp(path.join(ROOT, 'pkg/dist'), path.join(copy, 'pkg/dist'), { recursive: true });
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const file = files[pathname] ?? inside(copy, pathname);
    response.setHeader('Content-Security-Policy', POLICY);
    if (typeof file === 'function') return file(request, response);
    await send(response, file);
  });
  const { address, stop } = await started(server);
  const stopAndRemove = async () => {
    await stop();
    await rm(copy, { recursive: true, force: true });
  };
  return { address, stop: stopAndRemove };
}

/** Serves a folder as a plain host would; `serve` has it serve another one from then on. */
export async function serveFolder(folder) {
  let root = folder;
  const requests = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    requests.push(pathname);
    const file = path.join(root, pathname.endsWith('/') ? `${pathname}index.html` : pathname);
    response.setHeader('Content-Security-Policy', PAGE_POLICY);
    await send(response, file);
  });
  const serve = (other) => (root = other);
  return { ...(await started(server)), requests, serve };
}

/** Answers with a file, if it is one. */
async function send(response, file) {
  const found = file !== undefined && (await stat(file).then((entry) => entry.isFile(), () => false));
  response.setHeader('Content-Type', TYPES[path.extname(file ?? '')] ?? 'application/octet-stream');
  response.writeHead(found ? 200 : 404);
  if (found) createReadStream(file).pipe(response);
  else response.end();
}

/** Lets a server listen; its address, and what stops it. */
export async function started(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { address: `http://127.0.0.1:${server.address().port}/`, stop };
}

function inside(folder, pathname) {
  if (pathname === '/') return path.join(ROOT, 'tests/browser/harness.html');
  const file = path.join(folder, pathname);
  return file.startsWith(path.join(folder, 'pkg/dist/')) ? file : undefined;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function answering(address, child) {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`vite preview ended with ${child.exitCode}; is web/dist built?`);
    const up = await fetch(address).then((response) => response.ok, () => false);
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`vite preview did not answer at ${address} within 10 s`);
}
