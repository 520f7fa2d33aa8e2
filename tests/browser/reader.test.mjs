import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleText, settle, visiting, write } from './page.mjs';

const site = visiting();
const TEXT = exampleText('Raised outlook');

test('a screen reader finds the numbers as a table, seen or not', async () => {
  const { page } = await site.open();
  await write(page, TEXT);
  const table = page.getByRole('table', { name: /How far each word moves the score/ });
  const heads = await table.getByRole('columnheader').allTextContents();
  assert.deepEqual(heads, ['Word', 'Bearish', 'Bullish', 'Neutral']);
  const words = await table.getByRole('rowheader').allTextContents();
  assert.ok(TEXT.startsWith(words[0]));
  assert.deepEqual(words.slice(-2), ['Before any word', 'Score']);
  const shown = await page.locator('#words .word').allTextContents();
  assert.deepEqual(words.slice(0, -2), shown);
  for (const cell of await table.getByRole('cell').allTextContents()) assert.match(cell, /^[+\u2212]?\d+\.\d\d$/);

  const box = () => page.locator('#numbers').boundingBox();
  assert.ok((await box()).width <= 1);
  await page.getByRole('button', { name: 'Show the numbers' }).click();
  assert.ok((await box()).width > 300);
  await page.getByRole('button', { name: 'Hide the numbers' }).click();
  assert.ok((await box()).width <= 1);
});

test('the numbers say that they scroll, where they do', async () => {
  const { page } = await site.open();
  await write(page, 'Profit falls');
  await page.getByRole('button', { name: 'Show the numbers' }).click();
  const note = page.getByText('The numbers scroll in their frame');
  assert.ok(await note.isHidden());
  await write(page, 'Orders grew again this quarter. '.repeat(8));
  await note.waitFor();
  await page.getByRole('button', { name: 'Hide the numbers' }).click();
  assert.ok(await note.isHidden());
});

test('the answer is spoken as one sentence, once typing pauses', async () => {
  const { page } = await site.open();
  const pauses = await page.evaluate(typeAndListen, TEXT);
  await settle(page);
  await page.waitForTimeout(600);
  const spoken = await page.evaluate(() => globalThis.spoken);
  assert.ok(spoken.length >= 1 && spoken.length <= 1 + pauses, `${pauses} pauses: ${spoken.join(' | ')}`);
  assert.match(spoken.at(-1), /^Bullish, >?\d+%\. “\S+”.* spoke for it(\.|;)/);
});

/**
 * In the page: types a letter a frame and collects what the live region says. Returns how often a busy
 * machine made the typing pause.
 */
async function typeAndListen(text) {
  globalThis.spoken = [];
  const status = document.querySelector('#summary[role=status]');
  new MutationObserver(() => {
    if (status.textContent !== '') globalThis.spoken.push(status.textContent);
  }).observe(status, { childList: true });
  const area = document.querySelector('#text');
  let pauses = 0;
  for (let length = 1; length <= text.length; length++) {
    const from = performance.now();
    area.value = text.slice(0, length);
    area.dispatchEvent(new Event('input'));
    await new Promise(requestAnimationFrame);
    if (performance.now() - from > 150) pauses++;
  }
  return pauses;
}

test('words are a list whose items say text, value and rank', async () => {
  const { page } = await site.open();
  await write(page, TEXT);
  const list = page.getByRole('listbox', { name: 'Words and what they contribute to bullish' });
  const options = await list.getByRole('option').all();
  assert.ok(options.length >= 8);
  const stops = await list.locator('[tabindex="0"]').count();
  assert.equal(stops, 1, 'one stop for Tab; arrow keys do the rest');
  for (const option of options) {
    const name = await option.getAttribute('aria-label');
    assert.ok(name.startsWith(`${await option.textContent()}: `), name);
  }
});

test('side is told by line style and not by colour alone', async () => {
  const { page } = await site.open();
  await write(page, exampleText('Mixed quarter'));
  const style = (side) =>
    page
      .locator(`#words .word[data-side=${side}]`)
      .first()
      .evaluate((word) => getComputedStyle(word).textDecorationStyle);
  assert.equal(await style('for'), 'solid');
  assert.equal(await style('against'), 'dashed');
});

test('form fields and landmarks have names', async () => {
  const { page } = await site.open();
  await page.getByRole('textbox', { name: 'Does this English news about a stock sound bullish or bearish?' }).waitFor();
  await page.getByRole('group', { name: 'Model' }).waitFor();
  for (const role of ['banner', 'main', 'contentinfo']) assert.equal(await page.getByRole(role).count(), 1, role);
  assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Stillglass');
});
