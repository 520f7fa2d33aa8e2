/** The page of a study: opened, rated by keyboard, left and gone on with, saved. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { assertAccessible } from './access.mjs';
import { visiting } from './page.mjs';

const site = visiting();
const visit = (options) => site.open({ path: 'study.html', state: 'none', ...options });

const item = (id, explanation, more = {}) => ({ id, text: `The mill 😀 rose <b>early</b> (${id})`, answer: 'up', explanation, ...more });
const PLAN = {
  format: 'stillglass-study/1',
  study: 'made-up',
  constructs: [
    { name: 'plausibility', statement: 'It is a convincing reason.' },
    { name: 'completeness', statement: 'Nothing is missing.' },
  ],
  scale: ['strongly disagree', 'disagree', 'neither', 'agree', 'strongly agree'],
  items: [
    item('item-1', { words: [{ start: 4, end: 8, weight: -0.5 }, { start: 9, end: 11, weight: 1 }, { start: 12, end: 16, weight: 0.01 }] }),
    item('item-2', { sentence: 'Because it rose.' }, { text2: 'It went up.' }),
    item('item-3', { words: [{ start: 4, end: 8, weight: 0.5 }, { start: 3, end: 7, half: 1, weight: 1 }] }, { text2: 'It went up.' }),
    item('check-1', { sentence: 'Please choose “agree” for every sentence.' }, { check: 4 }),
  ],
  raters: [
    { rater: 'rater-01', items: ['item-1', 'check-1', 'item-2'] },
    { rater: 'rater-02', items: ['item-2'] },
    { rater: 'rater-03', items: ['item-3'] },
  ],
};

async function bring(page, content, name = 'study.json') {
  const buffer = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  await page.locator('#drop input').setInputFiles({ name, mimeType: 'application/json', buffer });
}

/** Chooses these ratings with the keyboard alone, and goes on. */
async function rate(page, values) {
  for (const [index, value] of values.entries()) {
    await page.locator('.asked').nth(index).locator('input').first().focus();
    await page.keyboard.press('Space');
    for (let press = 1; press < value; press++) await page.keyboard.press('ArrowRight');
  }
  await page.keyboard.press('Enter');
}

const heading = (page, title) => page.getByRole('heading', { name: title }).waitFor();

test('a study is rated by keyboard, left in the middle, gone on with, and saved', async () => {
  const { page, complaints, requests } = await visit();
  await bring(page, PLAN);
  await heading(page, 'Who are you?');
  await page.locator('#rater').focus();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await heading(page, 'Explanation 1 of 3');
  // Text stays text, and the words lie where the plan has them.
  assert.equal(await page.locator('#item .words').first().textContent(), 'The mill 😀 rose <b>early</b> (item-1)');
  const words = page.locator('#item .words .word');
  assert.match(await page.locator('#item').textContent(), /For the answer: 😀\. Against the answer: mill\./);
  assert.deepEqual(await words.evaluateAll((all) => all.map(({ textContent, dataset }) => [textContent, dataset.side])), [
    ['mill', 'against'],
    ['😀', 'for'],
  ]);
  await rate(page, [2]);
  await page.getByText('Please choose for every sentence.').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.name), 'completeness');
  await rate(page, [2, 5]);
  await heading(page, 'Explanation 2 of 3');
  assert.equal(await page.locator('input:checked').count(), 0);
  assert.ok(await page.locator('#to-end').isHidden());
  await page.locator('.asked input').first().check();

  await page.reload();
  await heading(page, 'Who are you?');
  await page.getByRole('button', { name: 'Begin' }).click();
  await heading(page, 'Explanation 2 of 3');
  assert.equal(await page.locator('input:checked').count(), 1, 'what was chosen is still there');
  await rate(page, [4, 4]);
  await heading(page, 'Explanation 3 of 3');
  await page.getByRole('button', { name: 'Back' }).click();
  await heading(page, 'Explanation 2 of 3');
  assert.deepEqual(await page.locator('input:checked').evaluateAll((all) => all.map(({ value }) => value)), ['4', '4']);
  await page.keyboard.press('Tab');
  await page.getByRole('button', { name: 'Next' }).click();
  await rate(page, [1, 3]);
  await heading(page, 'That was the last one. Thank you.');
  const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save the ratings' }).click()]);
  assert.equal(saved.suggestedFilename(), 'ratings-rater-01.csv');
  const lines = (await readFile(await saved.path(), 'utf8')).trim().split('\r\n').map((line) => line.split(',').slice(0, 6).join());
  assert.deepEqual(lines, [
    'study,rater,item,check,plausibility,completeness',
    'made-up,rater-01,item-1,,2,5',
    'made-up,rater-01,check-1,passed,4,4',
    'made-up,rater-01,item-2,,1,3',
  ]);
  // Looked at again, changed, and not saved yet.
  await page.getByRole('button', { name: 'Look at them again' }).click();
  await rate(page, [3]);
  await heading(page, 'Explanation 2 of 3');
  await page.getByRole('button', { name: 'To the end' }).click();
  await heading(page, 'That was the last one. Thank you.');
  assert.equal(await page.locator('#saved').textContent(), '');
  await page.getByRole('button', { name: 'Save the ratings' }).click();
  await page.getByRole('button', { name: 'Delete them from this browser' }).click();
  await heading(page, 'Open the study');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'opening-title');
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  assert.deepEqual(complaints, []);
  assert.ok(requests.every((address) => new URL(address).pathname !== '/stillglass_bg.wasm' && !address.endsWith('.glass')));
});

test('two raters at one browser do not see each other’s ratings', async () => {
  const { page } = await visit();
  await bring(page, PLAN);
  await page.getByRole('button', { name: 'Begin' }).click();
  await rate(page, [1, 1]);
  await heading(page, 'Explanation 2 of 3');
  await page.reload();
  await page.locator('#rater').selectOption('rater-02');
  await page.getByRole('button', { name: 'Begin' }).click();
  await heading(page, 'Explanation 1 of 1');
  assert.equal(await page.locator('input:checked').count(), 0);
  await page.getByText('It went up.').waitFor();
});

test('the words of a pair are painted in both texts', async () => {
  const { page } = await visit();
  await bring(page, PLAN);
  await page.locator('#rater').selectOption('rater-03');
  await page.getByRole('button', { name: 'Begin' }).click();
  await heading(page, 'Explanation 1 of 1');
  const painted = page.locator('#item > .words').filter({ has: page.locator('.word') });
  assert.deepEqual(await painted.evaluateAll((texts) => texts.map((text) => [...text.querySelectorAll('.word')].map(({ textContent }) => textContent))), [['mill'], ['went']]);
  assert.match(await page.locator('#item').textContent(), /For the answer: went, mill\./);
});

test('what is no study is refused with a reason, and the next file is taken', async () => {
  const { page, complaints } = await visit();
  const alert = page.getByRole('alert');
  for (const [content, reason] of [
    ['rater,item\n', 'no JSON'],
    [{ study: 'made-up', groups: {} }, 'looks like the key'],
    [{ ...PLAN, raters: [{ rater: 'r', items: ['item-7'] }] }, 'rates item-7'],
  ]) {
    await bring(page, content);
    await alert.getByText(reason).waitFor();
  }
  await bring(page, PLAN);
  await heading(page, 'Who are you?');
  assert.equal(await alert.textContent(), '');
  await page.getByRole('button', { name: 'Open another study' }).first().click();
  await heading(page, 'Open the study');
  await page.reload();
  await heading(page, 'Open the study');
  assert.deepEqual(complaints, []);
});

test('a browser that keeps nothing rates all the same, and says so', async () => {
  const blocked = (page) =>
    page.addInitScript(() => Object.defineProperty(globalThis, 'localStorage', { get: () => { throw new DOMException('denied'); } }));
  const { page, complaints } = await visit({ prepare: blocked });
  await bring(page, PLAN);
  await page.getByRole('button', { name: 'Begin' }).click();
  for (const values of [[1, 2], [4, 4], [5, 5]]) await rate(page, values);
  await heading(page, 'That was the last one. Thank you.');
  await page.getByRole('alert').getByText('does not keep your ratings').waitFor();
  const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save the ratings' }).click()]);
  assert.equal((await readFile(await saved.path(), 'utf8')).trim().split('\r\n').length, 4);
  assert.deepEqual(complaints, []);
});

for (const media of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { forcedColors: 'active' }]) {
  test(`axe finds nothing in a study, ${Object.values(media).join()}, nor does anything stick out of a phone`, async () => {
    const { page } = await visit({ ...media, viewport: { width: 320, height: 640 } });
    const fits = async (step) => {
      await assertAccessible(page, step);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), step);
    };
    await fits('opening');
    await bring(page, PLAN);
    await heading(page, 'Who are you?');
    await fits('greeting');
    await page.getByRole('button', { name: 'Begin' }).click();
    await fits('rating');
    for (const values of [[1, 2], [4, 4], [5, 5]]) await rate(page, values);
    await heading(page, 'That was the last one. Thank you.');
    await fits('end');
  });
}
