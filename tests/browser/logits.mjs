/**
 * Runs a bundle over texts in Chromium and writes what comes out, bit for bit.
 *
 *   node logits.mjs BUNDLE TEXTS.jsonl OUT.jsonl [--explain]
 *
 * TEXTS has a JSON object with a `text` a line. OUT gets `{"label", "tokens", "logits"}` a line, and
 * with `--explain` also `words` and `bias`. Logits are 32-bit floats written with the digits of their
 * 64-bit value, so that reading them back gives the same bits.
 */

import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { launch } from './browser.mjs';
import { servePackage } from './site.mjs';

const BATCH = 256;

const explain = process.argv.includes('--explain');
const [bundle, input, output] = process.argv.slice(2).filter((argument) => argument !== '--explain');
if (output === undefined) {
  console.error('usage: node logits.mjs BUNDLE TEXTS.jsonl OUT.jsonl [--explain]');
  process.exit(2);
}

const texts = readTexts(await readFile(input, 'utf8'));
const site = await servePackage({ '/bundle.glass': bundle });
const browser = await launch();
try {
  const page = await browser.newPage();
  await page.goto(site.address);
  await page.evaluate(async () => {
    const { Model } = await import('/pkg/dist/index.js');
    globalThis.model = await Model.load('/bundle.glass');
  });
  const out = createWriteStream(output);
  for (let from = 0; from < texts.length; from += BATCH) {
    const results = await page.evaluate(classify, [texts.slice(from, from + BATCH), explain]);
    for (const result of results) out.write(`${line(result)}\n`);
  }
  out.end();
  await finished(out);
  console.log(`${texts.length} texts, Chromium ${browser.version()}, ${output}`);
} finally {
  await browser.close();
  await site.stop();
}

/** In the page. */
function classify([texts, explain]) {
  return globalThis.model.classifyAll(texts, { explain });
}

function readTexts(jsonl) {
  return jsonl
    .split('\n')
    .map((row, index) => [row, index + 1])
    .filter(([row]) => row.trim() !== '')
    .map(([row, number]) => {
      const { text } = JSON.parse(row);
      if (typeof text !== 'string') throw new Error(`${input}:${number}: no "text"`);
      return text;
    });
}

function line({ label, tokens, logits, words, bias }) {
  // JSON.stringify would turn -0 into 0, which has other bits.
  const numbers = logits.map((value) => (Object.is(value, -0) ? '-0.0' : JSON.stringify(value))).join(',');
  const rest = explain ? `,"words":${JSON.stringify(words)},"bias":${JSON.stringify(bias)}` : '';
  return `{"label":${JSON.stringify(label)},"tokens":${tokens},"logits":[${numbers}]${rest}}`;
}
