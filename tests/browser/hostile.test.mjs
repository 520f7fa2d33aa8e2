/** Text is only ever text: two hundred strings through every view and every download, every file only with `STILLGLASS_FULL`. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { FULL } from './browser.mjs';
import { csvOf, download, drawnRows, drop, done, parseCsv, readFileOf, turnToMany } from './dropping.mjs';
import { HOSTILE, SOME_HOSTILE } from './hostile.mjs';
import { filesOf, keepingFiles, openKeep, parsed } from './keeping.mjs';
import { bringModel, bundleBytes, turnToDevice, turnToModels, turnToText, visiting, write } from './page.mjs';

const site = visiting();
/** What a spreadsheet takes for the beginning of a formula. */
const FORMULA = /^[=+\-@\t\r\n]/;

/** Fails if a string became an element or ran, in this page or as a complaint of its policy. */
async function assertOnlyText({ page, complaints }) {
  const found = await page.evaluate(() => ({
    fired: globalThis.fired ?? Object.prototype.fired,
    elements: [...document.body.querySelectorAll('*')].filter(
      (element) =>
        ['SCRIPT', 'IMG', 'IFRAME', 'STYLE', 'MATH', 'B', 'X'].includes(element.tagName.toUpperCase()) ||
        element.getAttributeNames().some((name) => name.startsWith('on')) ||
        /^(javascript|data):/i.test(element.getAttribute('href') ?? ''),
    ).length,
  }));
  assert.deepEqual(found, { elements: 0, fired: undefined });
  assert.deepEqual(complaints, []);
}

/** As the table shows a text: on one line, and not all of a long one. */
function oneLine(text) {
  return text.slice(0, 300).replace(/\s+/g, ' ').trim();
}

test('there are two hundred strings, all different', () => {
  assert.equal(new Set(HOSTILE).size, 200);
  assert.equal(SOME_HOSTILE.length, 20);
});

test('as texts of a CSV file they are shown, sorted, opened and downloaded as they are', async () => {
  const visit = await site.open();
  const { page } = visit;
  await turnToMany(page);
  await readFileOf(page, '<img src=x onerror=fired=1>.csv', csvOf(HOSTILE));
  const seen = new Map();
  await page.locator('#rows .open').first().focus();
  for (let presses = 0; seen.size < HOSTILE.length && presses < 40; presses++) {
    for (const [number, , , text] of await drawnRows(page)) seen.set(Number(number) - 1, text);
    await page.keyboard.press('PageDown');
  }
  HOSTILE.forEach((text, at) => assert.equal(seen.get(at), oneLine(text)));
  await assertOnlyText(visit);
  const [, ...rows] = parseCsv((await download(page, 'csv')).text);
  HOSTILE.forEach((text, at) => assert.equal(rows[at][1], FORMULA.test(text) ? `'${text}` : text));
  for (const cell of rows.flat()) assert.doesNotMatch(cell, FORMULA);
  const lines = (await download(page, 'jsonl')).text.trimEnd().split('\n');
  HOSTILE.forEach((text, at) => assert.equal(JSON.parse(lines[at]).headline, text));
  await assertOnlyText(visit);
});

test('as names of columns and keys of objects they stay names', async () => {
  const visit = await site.open();
  const { page } = visit;
  await turnToMany(page);
  const row = Object.fromEntries([['text', 'Dividend cut'], ...HOSTILE.map((text, at) => [text, text]), ['\u0000nul', '\u0000']]);
  const line = JSON.stringify(row).replace('{', '{"__proto__":{"fired":1},');
  await drop(page, 'keys.jsonl', `${line}\n${line}\n`);
  await page.locator('#columns:not([hidden])').waitFor();
  const names = await page.locator('#column option').evaluateAll((options) => options.map((option) => option.textContent));
  assert.deepEqual(names, ['__proto__', ...Object.keys(row)]);
  assert.equal(await page.locator('#preview th').count(), names.length);
  await assertOnlyText(visit);
  await page.locator('#start').click();
  await done(page);
  const [head, first] = parseCsv((await download(page, 'csv')).text);
  for (const [at, name] of names.entries()) {
    assert.equal(head[at], FORMULA.test(name) ? `'${name}` : name);
    if (at > 0) assert.equal(first[at], FORMULA.test(row[name]) ? `'${row[name]}` : row[name]);
  }
  const [kept] = (await download(page, 'jsonl')).text.split('\n');
  assert.ok(kept.startsWith(line.slice(0, -1)));
  await assertOnlyText(visit);
});

test('as names of files, in the sentences about bad ones and in what is copied, they stay names', async () => {
  const visit = await site.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  const { page } = visit;
  await turnToModels(page);
  for (const name of HOSTILE) {
    // Through the page: the file system would refuse such names.
    await page.evaluate((called) => {
      const data = { types: ['Files'], files: [new File(['PK\u0003\u0004'], called)] };
      dispatchEvent(Object.assign(new Event('drop', { cancelable: true }), { dataTransfer: data }));
    }, name);
    await page.waitForFunction((called) => document.querySelector('#models-problem bdi')?.textContent === called, name);
  }
  await assertOnlyText(visit);
  const name = HOSTILE[11];
  const bytes = [...(await bundleBytes('spam'))];
  await page.evaluate(
    ([called, content]) => {
      const data = { types: ['Files'], files: [new File([new Uint8Array(content)], called)] };
      dispatchEvent(Object.assign(new Event('drop', { cancelable: true }), { dataTransfer: data }));
    },
    [name, bytes],
  );
  await page.waitForFunction((called) => document.querySelector('#card-title').textContent === called, name);
  await assertOnlyText(visit);
  await turnToDevice(page);
  await page.locator('#measure').click();
  await page.locator('#measured:not([hidden])').waitFor();
  assert.equal(await page.locator('#measured-table bdi').textContent(), name);
  await page.locator('#copy-times-csv').click();
  await page.locator('#device-status', { hasText: 'Copied.' }).waitFor();
  for (const cell of parseCsv((await page.evaluate(() => navigator.clipboard.readText())).replace(/\r?\n/g, '\r\n')).flat()) assert.doesNotMatch(cell, FORMULA);
  await assertOnlyText(visit);
});

test('in cards and as labels they are read as they are', async () => {
  const visit = await site.open();
  const { page } = visit;
  await turnToModels(page);
  // Labels may be no longer, and hold no control characters; the rest of the card may hold anything.
  const labels = [...new Set(HOSTILE.filter((text) => !/\p{Cc}/u.test(text)).map((text) => text.slice(0, 60)))].slice(0, 2);
  const metrics = HOSTILE.map((text, at) => ({ name: text, value: at + 0.5, split: HOSTILE.at(-1 - at), seeds: 1, ...(at % 2 && { note: text }) }));
  const bundle = await rewritten(await bundleBytes('spam'), (manifest) => {
    manifest.labels = labels;
    Object.assign(manifest.card, { name: HOSTILE[0], description: HOSTILE.join(' '), recipe: HOSTILE.join('\n'), data: HOSTILE[1], data_licence: HOSTILE[2], base_model: HOSTILE[3], metrics });
  });
  await bringModel(page, 'mine.glass', bundle);
  await page.getByRole('radio', { name: 'mine', checked: true }).waitFor();
  assert.equal(await page.locator('#card .card-body > p').textContent(), HOSTILE.join(' '));
  assert.equal(await page.locator('#card pre').textContent(), HOSTILE.join('\n'));
  const shown = await page.locator('.metrics tbody th[scope=row]').allTextContents();
  assert.deepEqual([...shown].sort(), [...HOSTILE].sort());
  await assertOnlyText(visit);
  await turnToText(page);
  await write(page, 'Reply YES to claim');
  assert.deepEqual(await page.locator('#classes input').evaluateAll((inputs) => inputs.map(({ value }) => value)), labels);
  await page.getByRole('button', { name: 'Show the numbers' }).click();
  await assertOnlyText(visit);
});

/** A bundle with another manifest, spelt and hashed as the format asks: over the file, with zeros for the digest. */
async function rewritten(bytes, change) {
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const manifest = JSON.parse(header.__metadata__.stillglass);
  change(manifest);
  const file = (sha256) => {
    header.__metadata__.stillglass = JSON.stringify({ ...manifest, sha256 });
    const text = Buffer.from(JSON.stringify(header));
    const padded = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, ' ')]);
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(padded.length));
    return Buffer.concat([prefix, padded, bytes.subarray(8 + length)]);
  };
  return file(createHash('sha256').update(file('0'.repeat(64))).digest('hex'));
}

test('as the one text they are read word by word', async () => {
  const visit = await site.open();
  const { page } = visit;
  await write(page, 'Dividend cut');
  await page.getByRole('button', { name: 'Show the numbers' }).click();
  for (const text of HOSTILE) {
    await page.locator('#text').fill(text);
    // A text area has line breaks of one kind, but not in every Chromium where they were not typed.
    const shown = text.replace(/\r\n?/g, '\n');
    await page.waitForFunction((wanted) => document.querySelector('#words').textContent.replace(/\r\n?/g, '\n') === wanted, shown);
    assert.equal(await page.evaluate(() => globalThis.fired), undefined);
  }
  await page.locator('#summary:not(.stale):not(:empty)').waitFor();
  await assertOnlyText(visit);
});

/** What may be in a saved page and in a drawing, and nothing else. */
const ALLOWED = {
  html: {
    elements: 'bdi body del details h1 head html main meta p span strong style summary table tbody td th thead title tr div'.split(' '),
    attributes: 'aria-label charset class content dir http-equiv lang name role scope tabindex title'.split(' '),
  },
  svg: {
    elements: 'g line rect svg text title'.split(' '),
    attributes:
      'direction fill fill-opacity font-family font-size height lengthAdjust rx stroke stroke-dasharray stroke-width textLength transform viewBox width x x1 x2 xmlns y y1 y2'.split(' '),
  },
};

/** Fails if a file has more in it than what its maker puts there. */
async function assertPlain(blank, text, kind) {
  const found = await parsed(blank, text, kind === 'svg' ? 'image/svg+xml' : 'text/html');
  assert.equal(found.faulty, false, text);
  for (const of of ['elements', 'attributes']) assert.deepEqual(found[of].filter((name) => !ALLOWED[kind][of].includes(name)), []);
  return found;
}

test('as the text of files and links they stay text', { timeout: 900_000 }, async () => {
  const visit = await site.open({ prepare: keepingFiles });
  const { page, context } = visit;
  const blank = await context.newPage();
  await write(page, 'Dividend cut');
  await openKeep(page);
  // Four files of each take long.
  for (const text of FULL ? HOSTILE : SOME_HOSTILE) {
    const shown = text.replace(/\r\n?/g, '\n');
    // By link: the address is read, and the text written as if typed.
    await page.evaluate((wanted) => (location.hash = `text=${encodeURIComponent(wanted)}&model=finance`), text);
    await page.waitForFunction((wanted) => document.querySelector('#words').textContent === wanted, shown);
    const word = page.locator('#words .word').last();
    if ((await page.locator('#words .word').count()) > 0) await word.evaluate((element) => element.click());
    const { json, csv, svg, html } = await filesOf(page);
    const record = JSON.parse(json);
    assert.equal(record.text, shown);
    for (const { text: own, start, end } of record.readers[0].words) assert.equal(own, shown.slice(start, end));
    for (const cell of parseCsv(csv).flat()) if (!/^-?\d+(\.\d+)?$/.test(cell)) assert.doesNotMatch(cell, FORMULA);
    assert.equal((await assertPlain(blank, html, 'html')).words, shown);
    const { pieces } = await assertPlain(blank, svg, 'svg');
    const bare = (whole) => whole.replace(/[\s\u0001\u001b\ufffd\u200b-\u206f\ufeff]/g, '');
    assert.equal(bare(pieces.map((piece) => piece.text).join('')), bare(shown));
  }
  await assertOnlyText(visit);
});

test('a saved page runs nothing and asks for nothing', async () => {
  const visit = await site.open({ prepare: keepingFiles });
  const { page, context, requests } = visit;
  await write(page, HOSTILE.slice(0, 20).join(' '));
  await openKeep(page);
  const { html } = await filesOf(page, ['html']);
  const file = path.join(await mkdtemp(path.join(tmpdir(), 'stillglass-saved-')), 'page.html');
  await writeFile(file, html);
  const before = requests.length;
  const view = await context.newPage();
  const complaints = [];
  view.on('console', (message) => complaints.push(message.text()));
  await view.goto(`file://${file}`);
  assert.equal(await view.evaluate(() => globalThis.fired), undefined);
  assert.deepEqual(requests.slice(before), [`file://${file}`]);
  assert.deepEqual(complaints, [], 'not even refused');
  await rm(path.dirname(file), { recursive: true });
});
