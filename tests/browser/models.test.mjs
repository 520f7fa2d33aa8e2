/** The view of models: their cards, one's own files, and files that are none. */

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { body as slowTeacher, comparing } from './comparing.mjs';
import { IDS, NAMES, bringModel, bundleBytes, turnToModels, turnToText, verdict, visiting, write } from './page.mjs';

const site = visiting();
/** A folder to put screenshots in; none are taken without it. */
const folder = process.env.STILLGLASS_SCREENSHOTS;
if (folder !== undefined) await mkdir(folder, { recursive: true });

/** A bundle whose head says something else, of the same length. */
async function altered(from, to) {
  const bytes = await bundleBytes('spam');
  const at = bytes.indexOf(from);
  assert.ok(at > 0 && from.length === to.length);
  bytes.write(to, at);
  return bytes;
}

/** A committed bundle's size as the page writes it, and the figures of its own that its card gives for test rows. */
async function told(id) {
  const bytes = await bundleBytes(id);
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString());
  const { metrics } = JSON.parse(header.__metadata__.stillglass).card;
  const figure = (wanted) => metrics.find(({ name, split, seeds }) => name === wanted && split === 'test' && seeds === 1).value.toFixed(3);
  return { size: `${Math.round(bytes.length / 1000)} KB`, accuracy: figure('accuracy'), macroF1: figure('macro-F1') };
}

/** What the page says to a file. */
async function refusal(page, name, buffer) {
  await bringModel(page, name, buffer);
  await page.locator('#models-problem .problem-title', { hasText: name }).waitFor();
  return page.locator('#models-problem').textContent();
}

test('the list says of each model what it is, and its card all of it', async () => {
  const { page, complaints } = await site.open();
  await turnToModels(page);
  const models = await page.locator('#shelf .model').allTextContents();
  assert.equal(models.length, IDS.length);
  const [finance, spam] = [await told('finance'), await told('spam')];
  const shown = `FinanceStudent · ${finance.size} · 3 classes: bearish, bullish, neutral · accuracy ${finance.accuracy} on test rows · macro-F1 ${finance.macroF1} on test rows`;
  assert.ok(models[0].startsWith(shown), models[0]);
  assert.ok(models[1].startsWith(`SpamStudent · ${spam.size} · 2 classes: ham, spam`), models[1]);
  assert.equal(await page.locator('#card-title').textContent(), 'Finance');
  await page.getByRole('button', { name: 'Read the card Spam' }).click();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Spam');
  const terms = await page.locator('#card dt').allTextContents();
  assert.deepEqual(terms, ['Classes', 'Trained on', 'Data licence', 'Base model', 'Base licence', 'Date', 'Trained with', 'Size', 'Reads at most', 'Shape']);
  const figures = page.getByRole('table', { name: 'Measured figures' });
  assert.deepEqual(await figures.getByRole('columnheader').allTextContents(), ['Measure', 'Value', 'Rows', 'Runs']);
  const rows = await figures.locator('tbody tr').evaluateAll((lines) => lines.map(({ cells }) => [...cells].map((cell) => cell.textContent)));
  assert.ok(rows.some(([name, value, split, runs]) => name === 'accuracy' && value === spam.accuracy && split === 'test' && runs === '1'), JSON.stringify(rows));
  assert.match(await page.locator('#card pre').textContent(), /^name = "spam"/);
  assert.ok(await page.getByRole('radio', { name: 'Finance', exact: true }).isChecked(), 'reading is not using');
  await page.getByRole('button', { name: 'Use Spam' }).click();
  await page.getByRole('radio', { name: 'Spam', exact: true, checked: true }).waitFor();
  await page.locator('#models-status', { hasText: 'The Spam model is in use.' }).waitFor();
  assert.deepEqual(complaints, []);
});

test('a file is dropped anywhere on the view, is used, replaced by one of its name, and removed', async () => {
  const { page, complaints } = await site.open();
  await turnToModels(page);
  const transfer = await page.evaluateHandle((bytes) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], 'mine.glass'));
    return data;
  }, [...(await bundleBytes('spam'))]);
  for (const type of ['dragover', 'drop']) await page.dispatchEvent('#card-title', type, { dataTransfer: transfer });
  await page.getByRole('radio', { name: 'mine', checked: true }).waitFor();
  await page.locator('#models-status', { hasText: 'The mine model is in use.' }).waitFor();
  assert.equal(await page.locator('#card-title').textContent(), 'mine');
  await bringModel(page, 'mine.glass', await bundleBytes('finance'));
  const { size } = await told('finance');
  await page.locator('.model', { hasText: new RegExp(`^mineStudent · ${size}`) }).waitFor();
  await bringModel(page, 'other.glass', await bundleBytes('spam'));
  await page.getByRole('radio', { name: 'other', checked: true }).waitFor();
  assert.deepEqual(await page.locator('.model h3').allTextContents(), [...NAMES, 'mine', 'other']);
  await page.getByRole('button', { name: 'Use mine' }).click();
  await turnToText(page);
  await write(page, 'Northwind raises its full-year outlook after record quarterly revenue');
  assert.equal(await verdict(page), 'Bullish');
  await turnToModels(page);
  await page.getByRole('button', { name: 'Remove mine' }).click();
  await page.getByRole('radio', { name: 'Finance', exact: true, checked: true }).waitFor();
  assert.deepEqual(await page.locator('.model h3').allTextContents(), [...NAMES, 'other']);
  assert.equal(await page.getByRole('radio', { name: 'mine' }).count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'file', 'the focus is not lost with the button');
  await turnToText(page);
  await write(page, 'Shares fell');
  assert.deepEqual(complaints, []);
});

test('every kind of bad file is told apart, and leaves the models as they were', async () => {
  const { page, complaints } = await site.open();
  await turnToModels(page);
  const whole = await bundleBytes('spam');
  const flipped = Buffer.from(whole);
  flipped[flipped.length - 7] ^= 0x10;
  const cases = [
    ['empty.glass', Buffer.alloc(0), /The file is empty/],
    ['notes.glass', Buffer.from('Dear diary, nothing happened today.'), /Not a bundle/],
    ['page.glass', Buffer.from('<!doctype html><title>Not found</title>'), /web page/],
    ['archive.glass', Buffer.from('PK\u0003\u0004 more'), /zip/],
    ['short.glass', whole.subarray(0, whole.length - 1000), /The file ends after [\d,]+ bytes, want [\d,]+/],
    ['damaged.glass', flipped, /changed or damaged/],
    ['newer.glass', await altered('stillglass/1', 'stillglass/9'), /Format stillglass\/9: this version reads/],
  ];
  for (const [name, buffer, sentence] of cases) assert.match(await refusal(page, name, buffer), sentence, name);
  // A file of two gigabytes, without making one.
  await page.evaluate(() => {
    const file = new File(['x'], 'large.glass');
    Object.defineProperty(file, 'size', { value: 2e9 });
    const data = { types: ['Files'], files: [file] };
    const event = Object.assign(new Event('drop', { cancelable: true }), { dataTransfer: data });
    dispatchEvent(event);
  });
  await page.locator('#models-problem', { hasText: 'It has 2000.0 MB, more than a tab can hold' }).waitFor();
  assert.deepEqual(await page.locator('#chooser input').evaluateAll((inputs) => inputs.map(({ value }) => value)), IDS);
  assert.equal(await page.locator('.model').count(), IDS.length);
  await turnToText(page);
  await write(page, 'Northwind raises its full-year outlook after record quarterly revenue');
  assert.equal(await verdict(page), 'Bullish');
  await turnToModels(page);
  await bringModel(page, 'good.glass', whole);
  await page.getByRole('radio', { name: 'good', checked: true }).waitFor();
  assert.equal(await page.locator('#models-problem').textContent(), '');
  assert.deepEqual(complaints, []);
});

comparing('a teacher of one\u2019s own reads too', async () => {
  const { page } = await site.open();
  await turnToModels(page);
  await bringModel(page, 'teacher.glass', slowTeacher);
  await page.locator('.model', { hasText: /^teacherTeacher · 2\.93 MB/ }).waitFor();
  assert.match(await page.locator('#card dd').last().textContent(), /transformer layers/);
  await turnToText(page);
  await write(page, 'Orders grew');
  assert.equal(await page.locator('#words .word').count(), 2);
});

for (const [width, colorScheme] of [[320, 'light'], [390, 'dark'], [768, 'light'], [1280, 'dark']]) {
  test(`nothing sticks out at ${width} pixels, and figures stand on one line`, async () => {
    const { page } = await site.open({ viewport: { width, height: 800 }, colorScheme });
    await turnToModels(page);
    await page.getByText('Recipe').click();
    await bringModel(page, `${'long'.repeat(40)}.glass`, await bundleBytes('spam'));
    await page.locator('#shelf .model').nth(2).waitFor();
    await bringModel(page, `${'x'.repeat(200)}.glass`, Buffer.from('PK\u0003\u0004'));
    await page.locator('#models-problem:not(:empty)').waitFor();
    const over = await page.evaluate(() => {
      const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
      const cut = [...document.querySelectorAll('#all-models *')].filter(({ scrollWidth, clientWidth, className }) => clientWidth > 0 && scrollWidth > clientWidth + 1 && className !== 'visually-hidden');
      const lines = (cell) => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return new Set([...range.getClientRects()].map(({ top }) => top)).size;
      };
      const broken = [...document.querySelectorAll('.metrics td')].filter((cell) => lines(cell) > 1);
      return { wide, cut: cut.map(({ outerHTML }) => outerHTML.slice(0, 80)), broken: broken.length };
    });
    assert.deepEqual(over, { wide: 0, cut: [], broken: 0 });
    if (folder !== undefined) await page.screenshot({ path: path.join(folder, `models-${width}-${colorScheme}.png`), fullPage: true });
  });
}
