/** Files for the view of many texts: made up, dropped, read, downloaded. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

/** Turns to the view of many texts, and waits until it takes files. */
export async function turnToMany(page) {
  await page.getByRole('link', { name: 'Many texts' }).click();
  await page.locator('#drop').waitFor();
}

/** Drops a file on the page, as a pointer would. */
export async function drop(page, name, content) {
  const transfer = await page.evaluateHandle(
    ([called, text]) => {
      const data = new DataTransfer();
      data.items.add(new File([text], called));
      return data;
    },
    [name, content],
  );
  for (const type of ['dragover', 'drop']) await page.dispatchEvent('#drop', type, { dataTransfer: transfer });
}

/** Drops a file, chooses the column called `column` if one is named, reads it, and waits for its end. */
export async function readFileOf(page, name, content, column) {
  await drop(page, name, content);
  await page.locator('#columns:not([hidden])').waitFor();
  if (column !== undefined) await page.locator('#column').selectOption(column);
  await page.locator('#start').click();
  await done(page);
}

/** Waits until reading has ended. */
export async function done(page, timeout = 600_000) {
  await page.locator('#every-row:not([hidden])').waitFor({ timeout });
}

/** Waits until every row that is in sight has its cells: they come from a worker. */
export async function filled(page) {
  await page.waitForFunction(() => {
    const numbers = [...document.querySelectorAll('#rows .row-number')];
    return numbers.length > 0 && numbers.every(({ textContent }) => textContent !== '');
  });
}

/** What a download button gives: the file's name and its text. */
export async function download(page, kind) {
  const [begun] = await Promise.all([page.waitForEvent('download'), page.locator(`#download-${kind}`).click()]);
  return { name: begun.suggestedFilename(), text: await readFile(await begun.path(), 'utf8') };
}

/** The rows of the table that are drawn, as texts of their cells. */
export async function drawnRows(page) {
  await page.waitForFunction(() => {
    const numbers = [...document.querySelectorAll('#rows tbody tr:not(.gap) th')];
    return numbers.length > 0 && numbers.every((cell) => cell.textContent !== '');
  });
  return page.locator('#rows tbody tr:not(.gap)').evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));
}

/** Rows that look alike in no two places: `n` headlines with a number each. */
export function headlines(n) {
  const stock = ['Shares surge after record profit', 'Dividend cut as losses grow', 'Board meets on Tuesday', 'Analysts lift target', 'Recall hits quarterly sales'];
  return Array.from({ length: n }, (_, row) => `${stock[row % stock.length]}, item ${row}`);
}

/** A CSV file with an id before each text. */
export function csvOf(texts) {
  return `id,headline\n${texts.map((text, row) => `${row},"${text.replaceAll('"', '""')}"\n`).join('')}`;
}

/** Reads RFC 4180, so that the page's own reader is not what checks it. */
export function parseCsv(text) {
  const rows = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === '\r\n') rows.push([]);
    if (end === '') break;
  }
  assert.deepEqual(rows.pop(), [''], 'the last row ends with a line break');
  return rows;
}
