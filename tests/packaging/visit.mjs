/** Serves a built project under a strict policy, and visits it with Chromium. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { launch, launchWith } from '../browser/browser.mjs';
import { BUNDLE } from './project.mjs';

/** What the README says is enough. */
export const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };

/** The text every project classifies, and what `stillglass predict` says of it. */
export const TEXT = 'Northwind raises its profit outlook';
export const LABEL = 'bullish';

/** Serves a folder, and the bundle as `/finance.glass`. */
export async function serve(folder, policy = POLICY) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const inside = path.join(folder, pathname.endsWith('/') ? `${pathname}index.html` : pathname);
    const file = pathname === '/finance.glass' ? BUNDLE : inside;
    const found = statSync(file, { throwIfNoEntry: false })?.isFile();
    if (policy) response.setHeader('Content-Security-Policy', policy);
    response.writeHead(found ? 200 : 404, { 'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream' });
    if (found) createReadStream(file).pipe(response);
    else response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = () => (server.closeAllConnections(), server.close());
  return { address: `http://127.0.0.1:${server.address().port}/`, stop };
}

/** Opens an address and returns what its script left in `globalThis.result`, and how it got there. */
export async function visit(address, { extension } = {}) {
  const browser = await (extension === undefined ? launch() : launchWith(extension));
  try {
    const page = await browser.newPage();
    const complaints = [];
    const requests = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(address);
    await page.waitForFunction(() => globalThis.result !== undefined, undefined, { timeout: 60_000 }).catch((error) => {
      throw new Error(`${error.message}: ${complaints.join('; ')}`);
    });
    const result = await page.evaluate(() => globalThis.result);
    return { result, complaints, requests, workers: page.workers().map((worker) => worker.url()) };
  } finally {
    await browser.close();
  }
}

/** The page classified in a worker of its own origin, and nothing went anywhere else. */
export function worked({ result, complaints, requests, workers }, { threads = 1 } = {}) {
  assert.deepEqual(result, { label: LABEL, words: ['Northwind', 'raises', 'its', 'profit', 'outlook'] });
  assert.deepEqual(complaints.filter((text) => !/favicon/.test(text) && !/404/.test(text)), []);
  const origins = new Set([...requests, ...workers].map((address) => new URL(address).origin));
  assert.equal(origins.size, 1, [...origins].join());
  assert.equal(workers.length, threads);
}
