/** Text is only ever text: two hundred strings through every view and every download. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvOf, download, drawnRows, drop, done, parseCsv, readFileOf, turnToMany } from './dropping.mjs';
import { HOSTILE } from './hostile.mjs';
import { visiting, write } from './page.mjs';

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

test('as the one text they are read word by word', async () => {
  const visit = await site.open();
  const { page } = visit;
  await write(page, 'Dividend cut');
  await page.getByRole('button', { name: 'Show the numbers' }).click();
  for (const text of HOSTILE) {
    await page.locator('#text').fill(text);
    // A text area has line breaks of one kind.
    const shown = text.replace(/\r\n?/g, '\n');
    await page.waitForFunction((wanted) => document.querySelector('#words').textContent === wanted, shown);
    assert.equal(await page.evaluate(() => globalThis.fired), undefined);
  }
  await page.locator('#summary:not(.stale):not(:empty)').waitFor();
  await assertOnlyText(visit);
});
