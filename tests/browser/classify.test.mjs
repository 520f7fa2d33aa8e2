import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bringModel, bundleBytes, exampleText, settle, turnToModels, turnToText, value, verdict, visiting, write } from './page.mjs';

const site = visiting();

async function clickExample(page, title) {
  await page.getByRole('button', { name: title }).click();
  assert.equal(await page.getByRole('textbox').inputValue(), exampleText(title));
  await settle(page);
}

test('an answer follows typing, letter by letter', async () => {
  const { page, complaints } = await site.open();
  assert.match(await page.locator('#blank').textContent(), /Nothing to read yet/);
  const text = 'Shares surge after record profit';
  await page.getByRole('textbox').pressSequentially(text);
  await settle(page);
  const shares = await page.locator('.class .share').allTextContents();
  assert.equal(shares.length, 3);
  const sum = shares.reduce((total, share) => total + Number(share.replace(/[<>%]/g, '')), 0);
  assert.ok(sum >= 97 && sum <= 103, shares.join());
  assert.match(await page.locator('#fact-time').textContent(), /^(< 0\.1|\d+(\.\d)?) m?s$/);
  assert.match(await page.locator('#fact-loaded').textContent(), /^[\d.]+ [KM]B: models [1-9].*runtime [1-9].*page [1-9]/);
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.locator('#answer').waitFor({ state: 'hidden' });
  assert.equal(await page.locator('#summary').textContent(), '');
  assert.deepEqual(complaints, []);
});

test('examples get the answer a reader expects', async () => {
  const { page } = await site.open();
  await clickExample(page, 'Raised outlook');
  assert.equal(await verdict(page), 'Bullish');
  await clickExample(page, 'Dividend cut');
  assert.equal(await verdict(page), 'Bearish');
});

test('another class shows other words, and the predicted one leads back', async () => {
  const { page } = await site.open();
  await clickExample(page, 'Raised outlook');
  const sides = () => page.locator('#words .word').evaluateAll((words) => words.map((word) => word.dataset.side));
  const forBullish = await sides();
  assert.ok(forBullish.includes('for'));
  await page.getByRole('radio', { name: /Bearish/ }).check();
  assert.equal(await page.locator('#why-title').textContent(), 'Words for and against bearish');
  assert.notDeepEqual(await sides(), forBullish);
  await page.locator('#summary', { hasText: 'bearish' }).waitFor();
  // The pick outlasts another text...
  await clickExample(page, 'Upgrade');
  assert.ok(await page.getByRole('radio', { name: /Bearish/ }).isChecked());
  // ...until the reader goes back to what the model predicts.
  await page.getByRole('radio', { name: new RegExp(await verdict(page)) }).check();
  await clickExample(page, 'Dividend cut');
  assert.ok(await page.getByRole('radio', { name: /Bearish/ }).isChecked());
});

test('another model, its classes, examples and card', async () => {
  const { page } = await site.open();
  await write(page, 'Are we still on for lunch?');
  await page.getByRole('radio', { name: 'Spam', exact: true }).check();
  await page.getByRole('radio', { name: /^Ham/ }).waitFor();
  await settle(page);
  await clickExample(page, 'Prize');
  assert.equal(await verdict(page), 'Spam');
  await clickExample(page, 'Running late');
  assert.equal(await verdict(page), 'Ham');
  await page.getByRole('link', { name: 'About this model, and your own' }).click();
  await page.locator('#card dd', { hasText: 'ham, spam' }).waitFor();
});

test('a word gives its value to the pointer, and takes it away again', async () => {
  const { page } = await site.open();
  await clickExample(page, 'Raised outlook');
  const word = page.locator('#words .word[data-side=for]').first();
  await word.hover();
  await page.locator('#tip').waitFor();
  assert.match(await page.locator('#tip').textContent(), /^\+\d\.\d\d to the score of Bullish\d+(st|nd|rd|th) strongest of \d+, \d+(\.\d)?% of all weight$/);
  const box = await page.locator('#tip').boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= 1280);
  await page.mouse.move(5, 5);
  await page.locator('#tip').waitFor({ state: 'hidden' });
});

test('a text too long for the model says so, and fades what was not read', async () => {
  const { page } = await site.open();
  const text = 'Orders grew again this quarter. '.repeat(300).trim();
  await write(page, text);
  assert.match(await page.locator('#cut').textContent(), /reads \d+ tokens at most, and the text has [\d,]+/);
  const unread = (await page.locator('#words .unread').textContent()).replace(/…$/, '');
  assert.ok(unread.length > 100 && text.includes(unread));
  assert.ok(!(await page.getByRole('listbox').textContent()).includes('…'), 'what was not read is no part of the list');
  await write(page, 'Orders grew again');
  assert.ok(await page.locator('#cut').isHidden());
});

test('any text stays text', async () => {
  const { page, complaints } = await site.open();
  for (const text of [
    '<img src=x onerror="complain(1)"><script>complain(2)</script>',
    '👨‍👩‍👧‍👦 e\u0301 \u202eabc\u202c \u0007 日本語 ﷽',
    '   \n\t spaced   out \n ',
  ]) {
    await write(page, text);
    assert.equal(await page.locator('#words img, #words script').count(), 0);
  }
  // Halves of characters, which cannot be sent from here.
  await page.evaluate(() => {
    const area = document.querySelector('#text');
    area.value = '\ud800 lone \udc00 halves';
    area.dispatchEvent(new Event('input'));
  });
  await settle(page);
  assert.deepEqual(complaints, []);
});

test('right-to-left text runs right to left, arrow keys included', async () => {
  const { page } = await site.open();
  await write(page, 'שלום עולם טוב');
  assert.equal(await page.locator('#words').evaluate((words) => getComputedStyle(words).direction), 'rtl');
  await page.locator('#words .word').first().focus();
  await page.keyboard.press('ArrowLeft');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'עולם');
});

test('a bundle of one\u2019s own opens from disk', async () => {
  const { page, requests } = await site.open();
  const before = requests.length;
  await turnToModels(page);
  const pick = async (id) => bringModel(page, 'mine.glass', await bundleBytes(id));
  await pick('spam');
  await page.getByRole('radio', { name: 'mine', checked: true }).waitFor();
  await turnToText(page);
  await write(page, 'Reply YES to claim');
  assert.equal(await page.locator('.class').count(), 2);
  // The same name again, in quick succession: the last one counts, and takes the place of the others.
  await turnToModels(page);
  await pick('spam');
  await pick('finance');
  await turnToText(page);
  await page.getByRole('radio', { name: /^Neutral/ }).waitFor();
  await write(page, 'Orders grew again');
  assert.equal(await page.locator('.class').count(), 3);
  assert.equal(await page.getByRole('radio', { name: 'mine', checked: true }).count(), 1);
  assert.equal(await page.locator('#file').inputValue(), '');
  assert.deepEqual(requests.slice(before), []);
});

test('the contributions in the table add up to the score', async () => {
  const { page } = await site.open();
  await write(page, exampleText('Mixed quarter'));
  const table = await page.locator('#numbers table').evaluate(({ rows }) =>
    [...rows].slice(1).map(({ cells }) => [...cells].slice(1).map((cell) => cell.textContent)),
  );
  const rows = table.map((row) => row.map(value));
  const score = rows.pop();
  score.forEach((total, column) => {
    const sum = rows.reduce((running, row) => running + row[column], 0);
    // Each of the rounded figures is off by at most half a hundredth.
    assert.ok(Math.abs(sum - total) <= 0.005 * (rows.length + 1) + 1e-9, `${sum} is not ${total}`);
  });
});
