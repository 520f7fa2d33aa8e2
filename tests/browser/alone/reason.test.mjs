/** How long the committed model of pairs takes for its reason in words, on the CPU of this machine. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FULL, launch } from '../browser.mjs';
import { servePackage } from '../site.mjs';

const MODELS = new URL('../../../web/models/', import.meta.url);
const NLI = fileURLToPath(new URL('nli.glass', MODELS));
/** Reasons of each text, of which the median counts. */
const ROUNDS = FULL ? 50 : 10;
/** Milliseconds to the first token and to the last, at rest. */
const MOST = { first: 30, whole: 150 };
/** What a figure may be on a machine that does other things too; `STILLGLASS_FULL` asks for the figures themselves. */
const SLACK = FULL ? 1 : 10;

let site;
let browser;
before(async () => {
  site = await servePackage({ '/nli.glass': NLI });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await site?.stop();
});

/** In the page: the times of the texts' reasons in milliseconds, without the first ones, by which the weights are prepared. */
async function timed([texts, rounds]) {
  const { Model } = await import('/pkg/dist/index.js');
  const model = await Model.load('/nli.glass');
  const times = [];
  for (let round = 0; round <= rounds; round++) {
    for (const text of texts) {
      let first;
      const start = performance.now();
      const { tokens } = model.reason(text, { onToken: () => void (first ??= performance.now() - start) });
      const whole = performance.now() - start;
      if (round > 0) times.push({ first, whole, tokens: tokens.length });
    }
  }
  return times;
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

test('a reason begins and ends in time', { timeout: 120_000 }, async (context) => {
  const { models } = JSON.parse(await readFile(new URL('index.json', MODELS), 'utf8'));
  const texts = models.find(({ id }) => id === 'nli').examples.map(({ text }) => text);
  const page = await browser.newPage();
  await page.goto(site.address);
  const times = await page.evaluate(timed, [texts, ROUNDS]);
  const [first, whole, tokens] = ['first', 'whole', 'tokens'].map((of) => median(times.map((time) => time[of])));
  context.diagnostic(`first token ${first.toFixed(1)} ms, whole reason ${whole.toFixed(1)} ms, ${tokens} tokens`);
  assert.ok(tokens > 5, 'a sentence');
  assert.ok(first < SLACK * MOST.first, `${first} ms to the first token`);
  assert.ok(whole < SLACK * MOST.whole, `${whole} ms to the last`);
});
