/** How a classifier's bundle arrives: whole, checked, gone on with after a break, kept. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { launch } from './browser.mjs';
import { servePackage } from './site.mjs';

const BUNDLE = await readFile(new URL('../../web/models/finance.glass', import.meta.url));
const HEX = createHash('sha256').update(BUNDLE).digest('hex');
const BASE64 = `sha256-${createHash('sha256').update(BUNDLE).digest('base64')}`;
/** Where a broken body breaks. */
const BREAK = 100_000;

let site;
let browser;
let context;
let page;
/** What was asked for: the range of each request, or `whole`. */
let requests;
/** How the server behaves. */
let server;

before(async () => {
  site = await servePackage({ '/finance.glass': serve });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await site?.stop();
});

beforeEach(async () => {
  requests = [];
  server = { breaks: 0, ranges: true, etag: '"one"' };
  context = await browser.newContext();
  page = await context.newPage();
  await page.goto(site.address);
  await page.evaluate(async () => {
    const { Classifier } = await import('/pkg/dist/index.js');
    globalThis.load = (options, source = '/finance.glass') =>
      Classifier.load(source, { worker: false, ...options }).then(
        async (clf) => (await clf.classify('Orders grew')).label,
        (error) => `${error.code ?? ''}: ${error.message ?? error}`,
      );
  });
});

afterEach(() => context.close());

/** Serves the bundle, or the part asked for; breaks the line as often as it is told to. */
function serve(request, response) {
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  requests.push(range === undefined ? 'whole' : Number(range));
  if (server.instead) return response.end(server.instead);
  const from = range !== undefined && server.ranges ? Number(range) : 0;
  const headers = { 'content-type': 'application/octet-stream', 'cache-control': 'no-store', 'content-length': BUNDLE.length - from };
  if (server.etag) headers.etag = server.etag;
  if (from > 0) headers['content-range'] = `bytes ${from}-${BUNDLE.length - 1}/${BUNDLE.length}`;
  response.writeHead(from > 0 ? 206 : 200, headers);
  if (server.breaks === 0) return response.end(BUNDLE.subarray(from));
  server.breaks--;
  if (server.changes) server.etag = '"two"';
  response.write(BUNDLE.subarray(from, from + BREAK), () => setTimeout(() => response.destroy(), 400));
}

const load = (options, source) => page.evaluate(([options, source]) => globalThis.load(options, source), [options, source]);

test('progress tells bytes and their sum', async () => {
  const heard = await page.evaluate(async () => {
    const heard = [];
    await globalThis.load({ onProgress: (progress) => heard.push(progress) });
    return heard;
  });
  assert.ok(heard.length >= 1);
  assert.deepEqual(heard.at(-1), { loaded: BUNDLE.length, total: BUNDLE.length });
  heard.forEach(({ loaded }, at) => assert.ok(at === 0 || loaded > heard[at - 1].loaded));
});

test('a body that breaks off is gone on with by range', async () => {
  server.breaks = 2;
  assert.equal(await load({ integrity: HEX }), 'bullish');
  assert.equal(requests[0], 'whole');
  assert.equal(requests.length, 3);
  assert.ok(requests[1] > 0 && requests[1] <= BREAK && requests[2] > requests[1], requests.join());
});

test('a body that stays short is an error, however it ends', async () => {
  server.breaks = 9;
  assert.match(await load({}), new RegExp(`^short-body: .*finance\\.glass ended after \\d+ of ${BUNDLE.length} bytes`));
  server = { breaks: 9, ranges: true, etag: undefined };
  requests = [];
  assert.match(await load({}), /^short-body: /);
  assert.deepEqual(requests, ['whole'], 'what cannot be told from another file is not gone on with');
  const whole = await page.evaluate(async ([bytes, stated]) => {
    const response = new Response(new Uint8Array(bytes), { headers: { 'content-length': stated } });
    const { Classifier } = await import('/pkg/dist/index.js');
    return Classifier.load(response).catch(({ code, message }) => `${code}: ${message}`);
  }, [[1, 2, 3], '10']);
  assert.equal(whole, 'short-body: the response ended after 3 of 10 bytes; load it again');
});

test('a server without ranges, or with another file by now, sends the whole again', async () => {
  server = { breaks: 1, ranges: false, etag: '"one"' };
  assert.equal(await load({ integrity: HEX }), 'bullish');
  server = { breaks: 1, ranges: true, etag: '"one"', changes: true };
  requests = [];
  assert.equal(await load({ integrity: HEX }), 'bullish');
  assert.equal(requests.length, 3);
  assert.equal(requests[2], 'whole');
});

test('only the bundle that was promised is read', async () => {
  assert.equal(await load({ integrity: HEX }), 'bullish');
  assert.equal(await load({ integrity: BASE64 }), 'bullish');
  assert.match(await load({ integrity: '0'.repeat(64) }), new RegExp(`^integrity: the bundle's SHA-256 is ${HEX}, not 0{64}`));
  assert.match(await load({ integrity: 'sha512-x' }), /^bad-argument: integrity: want/);
  const given = await page.evaluate(async (integrity) => {
    const bytes = await (await fetch('/finance.glass')).arrayBuffer();
    const sources = [bytes, new Uint8Array(bytes), new Blob([bytes]), await fetch('/finance.glass')];
    const good = [];
    for (const source of sources) good.push(await globalThis.load({ integrity }, source));
    new Uint8Array(bytes)[bytes.byteLength >> 1] ^= 1;
    return [...good, (await globalThis.load({ integrity }, bytes)).split(':')[0], (await globalThis.load({}, bytes)).split(':')[0]];
  }, HEX);
  assert.deepEqual(given, ['bullish', 'bullish', 'bullish', 'bullish', 'integrity', 'bad-bundle']);
});

test('what is kept is not fetched again, until its version changes or it is damaged', async () => {
  const keeps = async (options) => {
    requests = [];
    assert.equal(await load(options), 'bullish');
    return requests.length === 0;
  };
  assert.equal(await keeps({ cache: true, integrity: BASE64 }), false);
  assert.equal(await keeps({ cache: true, integrity: HEX }), true);
  assert.equal(await keeps({ cache: '2' }), false);
  assert.equal(await keeps({ cache: '2' }), true);
  assert.equal(await keeps({ cache: true, integrity: HEX }), false, 'one version at a time');
  assert.equal(await keeps({}), false);
  await page.evaluate(async () => {
    const cache = await caches.open('stillglass-1');
    const [key] = await cache.keys();
    const kept = await cache.match(key);
    const bytes = new Uint8Array(await kept.arrayBuffer());
    bytes[1000] ^= 1;
    await cache.put(key, new Response(bytes, { headers: kept.headers }));
  });
  assert.equal(await keeps({ cache: true, integrity: HEX }), false, 'a damaged copy is fetched anew');
  assert.match(await load({ cache: true }), /^bad-argument: cache: true/);
});

test('what turns out to be no bundle, or not the one promised, is not kept', async () => {
  server.instead = '<!doctype html><title>Come back later</title>';
  assert.match(await load({ cache: '1' }), /^bad-bundle: .*web page/);
  server.instead = undefined;
  assert.equal(await load({ cache: '1' }), 'bullish');
  assert.deepEqual(requests, ['whole', 'whole']);
  requests = [];
  server = { breaks: 3, ranges: true, etag: '"one"' };
  const options = { cache: '2', integrity: '0'.repeat(64) };
  assert.match(await load(options), /^short-body: /);
  assert.match(await load(options), /^integrity: /);
  assert.match(await load(options), /^integrity: /);
  assert.deepEqual([requests[3] > 0, requests[4]], [true, 'whole'], 'a beginning that led nowhere is forgotten');
});

test('a download given up is gone on with in the next visit', async () => {
  server.breaks = 3;
  assert.match(await load({ cache: '1' }), /^short-body: /);
  await page.reload();
  requests = [];
  const label = await page.evaluate(async () => {
    const { Classifier } = await import('/pkg/dist/index.js');
    const clf = await Classifier.load('/finance.glass', { cache: '1' });
    return (await clf.classify('Orders grew')).label;
  });
  assert.equal(label, 'bullish');
  assert.equal(requests.length, 1);
  assert.ok(requests[0] > 0, String(requests[0]));
  requests = [];
  await page.evaluate(async () => (await (await import('/pkg/dist/index.js')).Classifier.load('/finance.glass', { cache: '1' })).dispose());
  assert.deepEqual(requests, []);
});

test('where nothing can be kept, everything works but that', async () => {
  const devtools = await context.newCDPSession(page);
  await devtools.send('Storage.overrideQuotaForOrigin', { origin: new URL(site.address).origin, quotaSize: 50_000 });
  assert.equal(await load({ cache: '1' }), 'bullish');
  assert.equal(await load({ cache: '1' }), 'bullish');
  assert.deepEqual(requests, ['whole', 'whole']);
  await page.evaluate(() => delete globalThis.caches);
  assert.equal(await load({ cache: '1' }), 'bullish');
});

test('on plain http, where there is neither Cache storage nor SHA-256, a version is loaded and not kept', async () => {
  await page.evaluate(() => {
    delete globalThis.caches;
    Object.defineProperty(crypto, 'subtle', { value: undefined });
  });
  assert.match(await load({ integrity: HEX }), /^unsupported: /);
  assert.equal(await load({ cache: '1' }), 'bullish');
});

test('broken off while what it needs never comes, loading leaves no worker', async () => {
  for (const missing of ['source', 'wasm']) {
    const reason = page.evaluate(async (missing) => {
      globalThis.abort = new AbortController();
      const { signal } = globalThis.abort;
      const { Classifier } = await import('/pkg/dist/index.js');
      const [source, options] = missing === 'source'
        ? [new Promise(() => undefined), { signal }]
        : ['/finance.glass', { signal, wasm: new Response(new ReadableStream()) }];
      return Classifier.load(source, options).catch((reason) => reason);
    }, missing);
    for (let wait = 0; wait < 100 && page.workers().length === 0; wait++) await page.waitForTimeout(50);
    assert.equal(page.workers().length, 1, missing);
    await page.evaluate(() => globalThis.abort.abort('enough'));
    assert.equal(await reason, 'enough');
    for (let wait = 0; wait < 100 && page.workers().length > 0; wait++) await page.waitForTimeout(50);
    assert.equal(page.workers().length, 0, missing);
  }
});

test('loading is broken off with the reason of its signal, and nothing is left behind', async () => {
  const reason = await page.evaluate(async () => {
    const abort = new AbortController();
    const { Classifier } = await import('/pkg/dist/index.js');
    const loading = Classifier.load('/finance.glass', { signal: abort.signal, onProgress: () => abort.abort('enough') });
    return loading.catch((reason) => reason);
  });
  assert.equal(reason, 'enough');
  for (let wait = 0; wait < 100 && page.workers().length > 0; wait++) await page.waitForTimeout(50);
  assert.equal(page.workers().length, 0);
});
