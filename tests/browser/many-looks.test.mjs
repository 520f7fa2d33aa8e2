/** How the view of many texts looks: nothing sticks out, every direction of writing, all colours. */

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { csvOf, drawnRows, drop, headlines, readFileOf, turnToMany } from './dropping.mjs';
import { visiting } from './page.mjs';

const site = visiting();
/** A folder to put screenshots in; none are taken without it. */
const folder = process.env.STILLGLASS_SCREENSHOTS;
if (folder !== undefined) await mkdir(folder, { recursive: true });

/** Texts in several scripts and directions, and a word that does not fit anywhere. */
const TEXTS = ['الأرباح ارتفعت هذا العام بنسبة كبيرة', 'הרווחים עלו השנה', '今年の売上は過去最高を更新した', '올해 이익이 늘었다', 'x'.repeat(400), ...headlines(300)];

async function shoot(page, name) {
  if (folder !== undefined) await page.screenshot({ path: path.join(folder, `many-${name}.png`), fullPage: true });
}

async function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

for (const width of [320, 390, 768, 1280]) {
  test(`nothing sticks out at ${width} pixels`, async () => {
    const { page } = await site.open({ viewport: { width, height: 800 }, colorScheme: width === 390 ? 'dark' : 'light' });
    await turnToMany(page);
    assert.equal(await overflow(page), 0);
    await shoot(page, `${width}-empty`);
    await drop(page, `${'long'.repeat(30)}.csv`, csvOf(TEXTS));
    await page.locator('#columns:not([hidden])').waitFor();
    assert.equal(await overflow(page), 0);
    await shoot(page, `${width}-columns`);
    await readFileOf(page, 'news.csv', csvOf(TEXTS));
    await drawnRows(page);
    assert.equal(await overflow(page), 0);
    const text = await page.locator('#rows .open').first().boundingBox();
    assert.ok(text.width >= 100 && text.height >= 24, `room for a text: ${JSON.stringify(text)}`);
    await shoot(page, `${width}-results`);
  });
}

test('a text runs in its own direction', async () => {
  const { page } = await site.open();
  await turnToMany(page);
  await readFileOf(page, 'news.csv', csvOf(TEXTS));
  await drawnRows(page);
  const direction = (at) => page.locator('#rows .open').nth(at).evaluate((button) => getComputedStyle(button).direction);
  assert.deepEqual([await direction(0), await direction(1), await direction(2), await direction(5)], ['rtl', 'rtl', 'ltr', 'ltr']);
});

test('the chart has the colours of the page: light, dark, forced, and when they change', async () => {
  const { page } = await site.open({ colorScheme: 'light' });
  await turnToMany(page);
  await readFileOf(page, 'news.csv', csvOf(TEXTS));
  const colourAfter = async (before) => (await page.waitForFunction(commonest, before)).jsonValue();
  const light = await colourAfter('');
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await colourAfter(light);
  await page.emulateMedia({ forcedColors: 'active' });
  const forced = await colourAfter(dark);
  await shoot(page, '1280-forced');
  assert.deepEqual([light, dark], ['61,68,80', '201,204,209']);
  const wanted = await page.locator('#counts-chart').evaluate((box) => getComputedStyle(box).caretColor);
  assert.notEqual(forced, light);
  assert.match(wanted, new RegExp(forced.split(',').join(',\\s*')), 'the system colour for what stands out');
});

/** In the page: the colour of most pixels that are drawn at all, once it is another than before. */
function commonest(before) {
  const canvas = document.querySelector('#counts-chart canvas');
  if (canvas === null) return undefined;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Map();
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] < 200) continue;
    const key = data.slice(at, at + 3).join();
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  const [most] = [...seen].sort(([, one], [, other]) => other - one)[0] ?? [];
  return most !== before && most;
}

test('nothing moves', async () => {
  const { page } = await site.open({ reducedMotion: 'reduce' });
  await turnToMany(page);
  await readFileOf(page, 'news.csv', csvOf(headlines(40)));
  const moving = await page.evaluate(() =>
    [...document.querySelectorAll('#many-texts, #many-texts *')].filter((element) => {
      const { transitionDuration, animationName } = getComputedStyle(element);
      return transitionDuration !== '0s' || animationName !== 'none';
    }).length,
  );
  assert.equal(moving, 0);
});
