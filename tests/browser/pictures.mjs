/**
 * Takes the pictures of `web/README.md`: every view of the built page, at the widths of a desk and a phone, light
 * and dark. `node pictures.mjs`, after `npm --prefix ../../web run build`.
 */

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';
import { csvOf, headlines, readFileOf, turnToMany } from './dropping.mjs';
import { exampleText, settle, write } from './page.mjs';
import { servePage } from './site.mjs';

const OUT = fileURLToPath(new URL('../../web/pictures', import.meta.url));
const WIDTHS = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
/** Longer than this a picture says nothing new. */
const TALLEST = 2_000;
const PATIENCE = 300_000;

/** A study of one item. */
const STUDY = {
  format: 'stillglass-study/1',
  study: 'picture',
  constructs: [
    { name: 'plausibility', statement: 'The explanation is a convincing reason for the answer.' },
    { name: 'completeness', statement: 'Nothing that matters for the answer is missing from the explanation.' },
  ],
  scale: ['strongly disagree', 'disagree', 'neither', 'agree', 'strongly agree'],
  items: [
    {
      id: 'item-1',
      text: 'Quarterly profit doubled, but the board warned of weak demand.',
      answer: 'bearish',
      explanation: {
        words: [
          { start: 10, end: 16, weight: -0.3 },
          { start: 17, end: 24, weight: -0.7 },
          { start: 40, end: 46, weight: 1 },
          { start: 50, end: 54, weight: 0.6 },
          { start: 55, end: 61, weight: 0.2 },
        ],
      },
    },
  ],
  raters: [{ rater: 'rater-01', items: ['item-1'] }],
};

/** How to bring each view to where it shows what it is for. */
const VIEWS = {
  one: async (page) => {
    await write(page, exampleText('Mixed quarter'));
  },
  teacher: async (page) => {
    await write(page, exampleText('Mixed quarter'));
    await page.locator('#teacher-toggle').click();
    await page.locator('#agreement:not([hidden])').waitFor({ timeout: PATIENCE });
    await settle(page);
  },
  many: async (page) => {
    await turnToMany(page);
    await readFileOf(page, 'headlines.csv', csvOf(headlines(400)), 'headline');
  },
  models: (page) => turnTo(page, 'models', 'Models'),
  device: async (page) => {
    await turnTo(page, 'device', 'This device');
    await page.locator('#measure').click();
    await page.locator('#measured:not([hidden])').waitFor({ timeout: PATIENCE });
  },
  study: async (page) => {
    await page.goto(new URL('study.html', page.url()).href);
    const buffer = Buffer.from(JSON.stringify(STUDY));
    await page.locator('#drop input').setInputFiles({ name: 'study.json', mimeType: 'application/json', buffer });
    await page.getByRole('button', { name: 'Begin' }).click();
    await page.getByRole('radio', { name: 'agree', exact: true }).first().check();
  },
};

async function turnTo(page, view, name) {
  await page.getByRole('link', { name, exact: true }).click();
  await page.waitForSelector(`html[data-view=${view}]`, { state: 'attached' });
}

/** One picture, of a page of its own. */
async function picture(browser, address, view, size, colorScheme) {
  const context = await browser.newContext({ viewport: WIDTHS[size], colorScheme, reducedMotion: 'reduce' });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  await page.goto(address);
  await page.waitForSelector('html[data-kept=stored]', { state: 'attached' });
  await VIEWS[view](page);
  // Neither a caret nor a hovered word.
  await page.mouse.move(0, 0);
  await page.evaluate(() => {
    document.activeElement?.blur();
    scrollTo(0, 0);
  });
  const height = Math.min(TALLEST, await page.evaluate(() => document.documentElement.scrollHeight));
  const file = path.join(OUT, `${view}-${size}-${colorScheme}.png`);
  await page.screenshot({ path: file, fullPage: true, clip: { x: 0, y: 0, width: WIDTHS[size].width, height } });
  await context.close();
  console.log(file);
}

await mkdir(OUT, { recursive: true });
const [browser, site] = await Promise.all([launch(), servePage()]);
for (const view of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(VIEWS)) {
  for (const size of Object.keys(WIDTHS)) {
    for (const scheme of ['light', 'dark']) await picture(browser, site.address, view, size, scheme);
  }
}
await browser.close();
await site.stop();
