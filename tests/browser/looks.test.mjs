import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { FULL } from './browser.mjs';
import { exampleText, openTools, visiting, write } from './page.mjs';

const site = visiting();
/** A folder to put screenshots in; none are taken without it. */
const folder = process.env.STILLGLASS_SCREENSHOTS;
if (folder !== undefined) await mkdir(folder, { recursive: true });

async function shoot(page, name) {
  if (folder !== undefined) await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
}

async function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

for (const [at, width] of [320, 360, 768, 1280].entries()) {
  const schemes = ['light', 'dark'];
  // Colours move nothing: only pictures and the full tests are of both.
  for (const colorScheme of folder === undefined && !FULL ? [schemes[at % 2]] : schemes) {
    test(`nothing sticks out at ${width} pixels, ${colorScheme}`, async () => {
      const viewport = { width, height: width < 500 ? 740 : 860 };
      const { page } = await site.open({ viewport, colorScheme });
      const name = (view) => `${view}-${width}-${colorScheme}`;
      await shoot(page, name('empty'));
      await write(page, exampleText('Mixed quarter'));
      await page.locator('#words .word').last().focus();
      assert.equal(await overflow(page), 0);
      await shoot(page, name('answer'));
      await openTools(page, page.locator('#words .word').first());
      assert.equal(await overflow(page), 0);
      await shoot(page, name('tools'));
      await page.getByRole('button', { name: 'Show the numbers' }).click();
      await write(page, `${'x'.repeat(90)} ${'Orders grew again this quarter. '.repeat(40)}`);
      assert.equal(await overflow(page), 0);
      await shoot(page, name('everything'));
    });
  }
}

test('words are legible at full colour, light and dark', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const { page } = await site.open({ colorScheme });
    await write(page, exampleText('Mixed quarter'));
    for (const side of ['for', 'against']) {
      const ratio = await page.locator(`#words .word[data-side=${side}]`).first().evaluate(contrast);
      assert.ok(ratio >= 4.5, `${colorScheme}, ${side}: contrast ${ratio.toFixed(2)}`);
    }
  }
});

/** In the page: WCAG contrast of a word's ink on its wash at full strength over the sheet. */
function contrast(word) {
  word.style.setProperty('--strength', '1');
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const over = (...layers) => {
    for (const layer of layers) {
      canvas.fillStyle = layer;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((channel) => {
      const share = channel / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const sheet = getComputedStyle(word.closest('#words')).backgroundColor;
  const { backgroundColor, color } = getComputedStyle(word);
  const pair = [luminance(over(sheet, backgroundColor)), luminance(over(color))].sort((a, b) => b - a);
  return (pair[0] + 0.05) / (pair[1] + 0.05);
}

test('with forced colours the bars and both kinds of line remain', async () => {
  const { page } = await site.open({ forcedColors: 'active' });
  await write(page, exampleText('Mixed quarter'));
  const fill = page.locator('.class.predicted .fill');
  const colours = await fill.evaluate((bar) => [
    getComputedStyle(bar).backgroundColor,
    getComputedStyle(bar.parentElement).backgroundColor,
  ]);
  assert.notEqual(colours[0], colours[1]);
  const line = (side) =>
    page.locator(`#words .word[data-side=${side}]`).first().evaluate((word) => getComputedStyle(word).textDecorationLine);
  assert.equal(await line('for'), 'underline');
  assert.equal(await line('against'), 'underline');
  await shoot(page, 'answer-1280-forced');
});

test('nothing moves for who asked for less motion', async () => {
  const duration = async (reducedMotion) => {
    const { page } = await site.open({ reducedMotion });
    await write(page, exampleText('Upgrade'));
    return page.locator('.fill').first().evaluate((bar) => getComputedStyle(bar).transitionDuration);
  };
  assert.equal(await duration('reduce'), '0s');
  assert.notEqual(await duration('no-preference'), '0s');
});
