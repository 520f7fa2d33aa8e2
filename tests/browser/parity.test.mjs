/** The browser and the native runtime give the same bits for every text, at any size of bundle. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';
import { madeUp } from './made-up.mjs';
import { servePackage } from './site.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MODELS = path.join(ROOT, 'web/models');

/** Many short texts: every pair of these, and what is awkward on its own. */
const HEADS = ['Shares of Northwind', '$ZNTH', 'See you at 8,', 'FREE entry!!', 'Καλημέρα', '会议在', 'مرحبا'];
const TAILS = [
  'rise 4% after a strong quarter',
  'fall as margins shrink',
  'call 09061 now to claim https://t.example/x1',
  'don’t forget the milk 🥛',
  'naïve café déjà-vu',
  'is up; is down; is flat.',
];
const AWKWARD = ['', ' ', '\u0000', '!', '👩‍👩‍👧‍👦', 'e\u0301'.repeat(40), 'x'.repeat(300), 'buy sell hold '.repeat(200)];
const TEXTS = [...HEADS.flatMap((head) => TAILS.map((tail) => `${head} ${tail}`)), ...AWKWARD];

const { folder, remove } = await madeUp();
const committed = (await readdir(MODELS)).filter((name) => name.endsWith('.glass'));
/** Sizes that are no multiple of a vector. */
const awkward = ['odd.glass', 'wide.glass', 'pair.glass', 'chooser.glass'].map((name) => path.relative(MODELS, path.join(folder, name)));
/** Teachers answer here without explaining themselves, which would take minutes. */
const { models: listed } = JSON.parse(await readFile(path.join(MODELS, 'index.json'), 'utf8'));
const teachers = new Set(listed.flatMap(({ teacher }) => (teacher === undefined ? [] : [teacher.file])));
/** Models of pairs, which say their reasons, too. */
const ofPairs = new Set(['pair.glass', ...listed.flatMap(({ file, texts }) => (texts === undefined ? [] : [file]))]);
/** Every text beside another one. */
const PAIRS = TEXTS.map((text, index) => [text, TEXTS[(5 * index + 2) % TEXTS.length]]);
/** Those of a question and one of its answers, which choose. */
const choosers = new Set(['chooser.glass', ...listed.flatMap(({ file, choices }) => (choices === true ? [file] : []))]);
/** Every text as a question about three others. */
const QUESTIONS = TEXTS.map((text, index) => ({ text, choices: [1, 3, 8].map((step) => `a ${TEXTS[(5 * index + step) % TEXTS.length]}`) }));
/** Where each bundle lies, seen from the committed ones. */
const models = [...committed, ...awkward];
let browser;
let site;

before(async () => {
  site = await servePackage(Object.fromEntries(models.map((name) => [address(name), path.join(MODELS, name)])));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await site?.stop();
  await remove();
});

test('there is a model to compare', () => assert.ok(committed.length > 0));

for (const name of models.filter((name) => choosers.has(path.basename(name)))) {
  test(`${path.basename(name)}: chooses the same in Chromium and natively`, { timeout: 600_000 }, async () => {
    const natively = await answersOfBinary(name, QUESTIONS, ['--explain', '--reason']);
    const page = await browser.newPage();
    await page.goto(site.address);
    const inBrowser = await page.evaluate(choose, [address(name), QUESTIONS]);
    assert.equal(natively.length, QUESTIONS.length);
    natively.forEach((native, index) => {
      const [found, text] = [inBrowser[index], QUESTIONS[index].text];
      assert.deepEqual([found.choice, found.said, found.truncated ?? []], [native.choice, native.reason, native.truncated ?? []], text);
      for (const list of ['logits', 'bias', 'boundary']) same(native[list], found[list], text);
      // Exponentials of two libraries.
      native.scores.forEach((score, at) => assert.ok(Math.abs(score - found.scores[at]) < 1e-12, text));
      assert.equal(found.words.length, native.words.length, text);
      native.words.forEach(({ weights, ...word }, at) => {
        const { weights: others, ...other } = found.words[at];
        assert.deepEqual(other, word, text);
        same(weights, others, text);
      });
    });
    await page.close();
  });
}

for (const name of models.filter((name) => !choosers.has(path.basename(name)))) {
  test(`${path.basename(name)}: same bits in Chromium and natively`, { timeout: 600_000 }, async () => {
    const explain = !teachers.has(name);
    const pairs = ofPairs.has(path.basename(name));
    const texts = pairs ? PAIRS : TEXTS;
    const natively = await answersOfBinary(name, texts, [...(explain ? ['--explain'] : []), ...(pairs ? ['--reason'] : [])]);
    const page = await browser.newPage();
    await page.goto(site.address);
    const inBrowser = await page.evaluate(classify, [address(name), texts, explain]);
    assert.equal(natively.length, texts.length);
    natively.forEach((native, index) => compare(native, inBrowser[index], String(texts[index])));
    await page.close();
  });
}

/** Where the page finds a bundle. */
function address(name) {
  return `/${path.basename(name)}`;
}

/** In the page. */
async function classify([address, texts, explain]) {
  const { Model } = await import('/pkg/dist/index.js');
  const model = await Model.load(address);
  const answers = model.classifyAll(texts, { explain });
  if (!model.info.pairs) return answers;
  return answers.map((answer, index) => ({ ...answer, said: model.reason(texts[index]).text }));
}

/** In the page, for what chooses. */
async function choose([address, questions]) {
  const { Model } = await import('/pkg/dist/index.js');
  const model = await Model.load(address);
  return questions.map(({ text, choices }) => {
    const answer = model.choose(text, choices, { explain: true });
    return { ...answer, said: model.reason([text, choices[answer.choice]]).text };
  });
}

async function answersOfBinary(name, texts, asked) {
  const input = path.join(folder, 'texts.jsonl');
  const row = (text) => (typeof text === 'string' ? { text } : Array.isArray(text) ? { text: text[0], text2: text[1] } : text);
  await writeFile(input, texts.map((text) => JSON.stringify(row(text))).join('\n'));
  const predict = ['--quiet', 'predict', ...asked, '--bundle', path.join(MODELS, name), '--input', input];
  const options = { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28 };
  const built = process.env.STILLGLASS;
  const lines = built
    ? execFileSync(built, predict, options)
    : execFileSync('cargo', ['run', '--quiet', '--package', 'stillglass', '--', ...predict], options);
  return lines.trimEnd().split('\n').map((line) => JSON.parse(line));
}

function compare(native, found, text) {
  assert.equal(found.label, native.label, text);
  assert.equal(found.said, native.reason, text);
  same(Object.values(native.scores), Object.values(found.scores), text);
  if (native.words === undefined) return assert.equal(found.words, undefined, text);
  same(Object.values(native.logits), found.logits, text);
  same(Object.values(native.bias), Object.values(found.bias), text);
  assert.equal(found.words.length, native.words.length, text);
  native.words.forEach((word, index) => {
    const { start, end, half } = found.words[index];
    assert.deepEqual([word.start, word.end, word.half], [start, end, half], text);
    same(Object.values(word.weights), Object.values(found.words[index].weights), text);
  });
}

/** The binary writes each 32-bit float with the fewest digits that give it back. */
function same(native, found, text) {
  assert.equal(found.length, native.length, text);
  native.forEach((value, index) => assert.ok(Object.is(Math.fround(value), found[index]), `${text}: ${value} ${found[index]}`));
}
