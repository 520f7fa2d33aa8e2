/** How soon a page that is opened shows its first label: over a slow line, on a slow processor, and from the browser's cache. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { FULL, launch } from '../browser.mjs';
import { packed, serveOverLine } from '../line.mjs';
import { exampleText } from '../page.mjs';

const DIST = fileURLToPath(new URL('../../../web/dist', import.meta.url));
/** Visits, of which the median counts. */
const VISITS = FULL ? 9 : 1;
/** How much slower than this machine's the processor of the page's thread is. */
const THROTTLING = 4;
/** What a figure may be on a machine that does other things too; `STILLGLASS_FULL` asks for the figures themselves. */
const SLACK = FULL ? 1 : 20;
/** Milliseconds there and back. */
const LATENCY = 40;
/** Milliseconds in which a new window comes to rest. */
const SETTLING = FULL ? 2_000 : 0;
/** Most bytes that later visits ask for: the worker's own script, and no model. */
const ASKED_AGAIN = 64_000;
/** Begins the line in which the page tells its time. */
const MARK = 'first label ';

let browser;
let files;
before(async () => {
  [browser, files] = await Promise.all([launch(), packed(DIST)]);
});
after(() => browser?.close());

/** In the page, before anything else: types a text as soon as it can be, and says when its label is there. */
function typeAtOnce([text, mark]) {
  addEventListener('DOMContentLoaded', () => {
    const box = document.querySelector('#text');
    box.value = text;
    box.dispatchEvent(new Event('input', { bubbles: true }));
    const verdict = document.querySelector('#verdict');
    const watch = new MutationObserver(() => {
      if (verdict.hidden) return;
      watch.disconnect();
      console.log(`${mark}${performance.now()}`);
    });
    watch.observe(verdict, { attributes: true });
  });
}

/** Milliseconds from the address to the label, on a processor slowed down. */
async function firstLabel(context, address, slowed) {
  const page = await context.newPage();
  // A new window's own pages, in Chromium's frame, load first; and what Playwright puts into a page to wait for it costs time.
  await setTimeout(SETTLING);
  const devtools = await context.newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: slowed });
  await page.addInitScript(typeAtOnce, [exampleText('Dividend cut'), MARK]);
  const labelled = page.waitForEvent('console', { predicate: (message) => message.text().startsWith(MARK), timeout: 120_000 });
  await page.goto(address, { waitUntil: 'commit' });
  return { page, ms: Number((await labelled).text().slice(MARK.length)) };
}

/** First labels over a line, each in a browser that has never been there; and then from its cache, the processor slowed down and not. */
async function visits(line) {
  const found = [];
  for (let visit = 0; visit < VISITS; visit++) {
    const site = await serveOverLine(files, line);
    const context = await browser.newContext();
    const first = await firstLabel(context, site.address, THROTTLING);
    const bytes = site.sent.bytes;
    // What is only stored meanwhile says nothing of the line.
    site.widen();
    await first.page.waitForSelector('html[data-kept=stored]', { state: 'attached', timeout: 120_000 });
    await first.page.close();
    const stored = site.sent.bytes;
    const slowed = await firstLabel(context, site.address, THROTTLING);
    await slowed.page.close();
    const again = await firstLabel(context, site.address, 1);
    assert.ok(site.sent.bytes - stored < ASKED_AGAIN, `${site.sent.bytes - stored} bytes were sent again`);
    await context.close();
    await site.stop();
    found.push({ cold: first.ms, bytes, slowed: slowed.ms, warm: again.ms });
  }
  const median = (name) => found.map((visit) => visit[name]).sort((a, b) => a - b)[Math.floor(VISITS / 2)];
  return { cold: median('cold'), bytes: median('bytes'), slowed: median('slowed'), warm: median('warm') };
}

const said = ({ cold, slowed, warm, bytes }) =>
  `${Math.round(cold)} ms, from the cache ${Math.round(slowed)} ms and with the processor not slowed ${Math.round(warm)} ms, ${bytes} bytes`;

test('over 10 Mbit/s the first label is there within 1.5 s, and from the cache within 0.3 s', async (context) => {
  const found = await visits({ bits: 10e6, latency: LATENCY });
  context.diagnostic(said(found));
  assert.ok(found.cold < 1_500 * SLACK, said(found));
  assert.ok(found.warm < 300 * SLACK, said(found));
});

test('over 1.6 Mbit/s it is there half a second after its bytes at most', async (context) => {
  const bits = 1.6e6;
  const found = await visits({ bits, latency: LATENCY });
  const transfer = (found.bytes * 8_000) / bits;
  context.diagnostic(`${said(found)}, which take ${Math.round(transfer)} ms`);
  assert.ok(found.cold < transfer + 500 * SLACK, said(found));
});
