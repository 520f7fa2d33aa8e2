/** Every view by axe: the rules of WCAG 2.2, levels A and AA, in light, dark and forced colours. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible } from './access.mjs';
import { csvOf, drop, filled, headlines, readFileOf, turnToMany } from './dropping.mjs';
import { saved } from './keeping.mjs';
import { bringModel, bundleBytes, exampleText, openTools, turnToDevice, turnToModels, visiting, write } from './page.mjs';

const site = visiting();
for (const media of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { forcedColors: 'active' }]) {
  test(`axe finds nothing in any view, ${Object.values(media).join()}`, async () => {
    const { page } = await site.open(media);
    await assertAccessible(page, 'one text, empty');
    await write(page, exampleText('Mixed quarter'));
    await page.getByRole('button', { name: 'Show the numbers' }).click();
    await openTools(page, page.getByRole('option', { name: /^grew/ }));
    await assertAccessible(page, 'one text, everything');
    await turnToModels(page);
    await page.getByText('Recipe').click();
    await assertAccessible(page, 'models');
    await bringModel(page, 'holiday.glass', Buffer.from('PK\u0003\u0004 not a bundle'));
    await page.locator('#models-problem:not(:empty)').waitFor();
    await bringModel(page, 'mine.glass', await bundleBytes('spam'));
    await page.getByRole('radio', { name: 'mine', checked: true }).waitFor();
    await assertAccessible(page, 'models, one of one\u2019s own');
    await turnToDevice(page);
    await assertAccessible(page, 'this device');
    await page.locator('#measure').click();
    await assertAccessible(page, 'this device, measuring');
    await page.locator('#measured:not([hidden])').waitFor();
    await assertAccessible(page, 'this device, measured');
    await turnToMany(page);
    await assertAccessible(page, 'many texts, empty');
    await drop(page, 'news.csv', '');
    await page.locator('#many-problem:not(:empty)').waitFor();
    await assertAccessible(page, 'many texts, a problem');
    await drop(page, 'news.csv', csvOf(headlines(20)));
    await page.locator('#columns:not([hidden])').waitFor();
    await assertAccessible(page, 'many texts, the columns');
    await readFileOf(page, 'news.csv', csvOf(['', ...headlines(400)]));
    await page.locator('.sort', { hasText: 'Score' }).click();
    await filled(page);
    await assertAccessible(page, 'many texts, results');
    await drop(page, 'news.csv', csvOf(headlines(40_000)));
    await page.locator('#start').click();
    await page.locator('#results:not([hidden])').waitFor();
    await assertAccessible(page, 'many texts, under way');
  });
}

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing in a saved page, ${colorScheme}`, async () => {
    const { page, context } = await site.open({ colorScheme });
    await write(page, exampleText('Mixed quarter'));
    await page.getByRole('option', { name: /^grew/ }).click();
    await page.locator('#moved-table:not([hidden])').waitFor();
    const { file } = await saved(page, 'html');
    const view = await context.newPage();
    await view.goto(`file://${file}`);
    await view.locator('summary').click();
    assert.match(await view.locator('del', { hasText: 'grew' }).evaluate((word) => getComputedStyle(word).textDecorationLine), /line-through/);
    await assertAccessible(view, 'a saved page');
  });
}

test('on a phone axe finds nothing either', async () => {
  const { page } = await site.open({ viewport: { width: 390, height: 800 } });
  await write(page, exampleText('Mixed quarter'));
  await openTools(page, page.getByRole('option', { name: /^grew/ }));
  await assertAccessible(page, 'one text, its tools');
  await turnToMany(page);
  await readFileOf(page, 'news.csv', csvOf(headlines(400)));
  await filled(page);
  await assertAccessible(page, 'many texts, results');
  await turnToModels(page);
  await assertAccessible(page, 'models');
  await turnToDevice(page);
  await page.locator('#measure').click();
  await page.locator('#measured:not([hidden])').waitFor();
  await assertAccessible(page, 'this device, measured');
});
