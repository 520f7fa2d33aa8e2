import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle, verdict, visiting } from './page.mjs';

const site = visiting();

/** Presses Tab until `selector` has the focus. */
async function tabTo(page, selector) {
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
  }
  assert.fail(`Tab does not lead to ${selector}`);
}

async function focusedName(page) {
  return page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.value);
}

test('everything can be done without a pointer, and the focus can be seen', async () => {
  const { page, complaints } = await site.open();
  await tabTo(page, 'input[name=model]');
  await tabTo(page, '#text');
  const text = 'Shares surge after record profit';
  await page.keyboard.type(text);
  await settle(page);
  await tabTo(page, '.example');
  await page.keyboard.press('Enter');
  await page.waitForFunction((old) => document.querySelector('#words').textContent !== old, text);

  const predicted = (await verdict(page)).toLowerCase();
  await tabTo(page, 'input[name=class]');
  assert.equal(await focusedName(page), predicted);
  await page.keyboard.press('ArrowDown');
  assert.notEqual(await focusedName(page), predicted);
  assert.match(await page.locator('#why-title').textContent(), new RegExp(await focusedName(page)));

  await tabTo(page, '#words .word');
  const first = await focusedName(page);
  assert.match(first, /: (plus |minus )?\d\.\d\d, \d+(st|nd|rd|th) strongest, \d+(\.\d)?% of all weight$/);
  assert.ok(await page.locator('#tip').isVisible());
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, 'solid');
  await page.keyboard.press('ArrowRight');
  assert.notEqual(await focusedName(page), first);
  await page.keyboard.press('End');
  await page.keyboard.press('Home');
  assert.equal(await focusedName(page), first);
  await page.keyboard.press('Escape');
  assert.ok(await page.locator('#tip').isHidden());

  await tabTo(page, '#numbers-toggle');
  await page.keyboard.press('Enter');
  assert.ok(await page.locator('#numbers:not(.visually-hidden)').isVisible());
  await tabTo(page, '#to-models');
  await page.keyboard.press('Enter');
  await tabTo(page, '#use-spam');
  await page.keyboard.press('Enter');
  await page.locator('#use-spam[aria-pressed=true]').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'use-spam', 'the focus stays');
  await tabTo(page, '#read-finance');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Finance');
  assert.ok(await page.locator('#card dl').isVisible());
  await tabTo(page, '.recipe summary');
  await tabTo(page, '#to-device');
  await page.keyboard.press('Enter');
  await tabTo(page, '#measure');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'measure-stop');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => ['measure', 'measured-title'].includes(document.activeElement.id));
  assert.deepEqual(complaints, []);
});

test('the model changes by arrow key', async () => {
  const { page } = await site.open();
  await tabTo(page, 'input[name=model]');
  await page.keyboard.press('ArrowRight');
  await page.getByRole('radio', { name: 'Spam', exact: true, checked: true }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.value), 'spam');
});
