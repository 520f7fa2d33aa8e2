/** What can be done with an answer: words taken out, the smallest set that turns it, curves beside chance. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleText, settle, verdict, visiting, write } from './page.mjs';

const site = visiting();
const TEXT = exampleText('Mixed quarter');

/** The page with a text, and its tools. */
async function opened(text = TEXT, options) {
  const visit = await site.open(options);
  await write(visit.page, text);
  return visit;
}

/** Probabilities in percent, before and without, by class, as the table shows them. */
async function moved(page) {
  await page.locator('#moved-table:not([hidden])').waitFor();
  const rows = await page.locator('#moved-table tbody tr').evaluateAll((lines) =>
    lines.map((line) => [line.querySelector('th').textContent, line.querySelector('.moved-figures').textContent]),
  );
  return Object.fromEntries(rows.map(([name, figures]) => [name, figures.split(' →  to ').map((figure) => Number(figure.replace(/[<>%]/g, '')))]));
}

/** What the page shows as each class's probability, in percent. */
async function shares(page) {
  const lines = await page.locator('.class').evaluateAll((all) => all.map((line) => [line.querySelector('.class-name').textContent, line.querySelector('.share').textContent]));
  return Object.fromEntries(lines.map(([name, share]) => [name, Number(share.replace(/[<>%]/g, ''))]));
}

test('a word goes and comes back by click and by key, and the figures are those of the text without it', async () => {
  const { page, complaints } = await opened();
  await page.locator('input[name=class][value=bullish]').check();
  const before = await shares(page);
  const grew = page.getByRole('option', { name: /^grew/ });
  await grew.click();
  const shown = await moved(page);
  for (const [name, [was]] of Object.entries(shown)) assert.equal(was, before[name]);
  assert.match(await page.locator('#moved-says').textContent(), /^Without “grew”, bullish falls from \d+% to \d+%(\.|, and the label turns to \w+\.)$/);
  assert.match(await grew.getAttribute('aria-label'), /^grew, taken out: plus/);
  assert.equal(await page.locator('#text').inputValue(), TEXT, 'what was typed stays');
  assert.match(await grew.evaluate((word) => getComputedStyle(word).textDecorationLine), /line-through/);

  // By key, with the focus staying where it is.
  await grew.focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Delete');
  await page.locator('#moved-says', { hasText: 'Without “grew” and “12”' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), '12');
  for (const key of ['Backspace', 'Enter', 'Delete', ' ']) await page.keyboard.press(key);
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Enter');
  await page.locator('#moved-says', { hasText: 'Without “12”' }).waitFor();
  await page.getByRole('button', { name: 'Put all back' }).click();
  assert.equal(await page.locator('#moved-says').textContent(), 'All words are back.');
  assert.equal(await page.locator('.gone').count(), 0);
  assert.ok(await page.locator('#moved-table').isHidden());
  assert.match(await page.evaluate(() => document.activeElement.getAttribute('role')), /option/);

  // The same text without the word, typed: the same figures.
  await write(page, TEXT.replace('grew', ''));
  const typed = await shares(page);
  for (const [name, [, without]] of Object.entries(shown)) assert.equal(without, typed[name]);
  assert.equal(await page.locator('#moved-says').textContent(), '', 'another text, another matter');
  assert.deepEqual(complaints, []);
});

test('a word that is selected to be copied stays', async () => {
  const { page } = await opened();
  const { x, y, width, height } = await page.getByRole('option', { name: /^Orders/ }).boundingBox();
  await page.mouse.move(x + 2, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width - 2, y + height / 2, { steps: 5 });
  await page.mouse.up();
  assert.notEqual(await page.evaluate(() => getSelection().toString()), '');
  assert.equal(await page.locator('.gone').count(), 0);
  await page.getByRole('option', { name: /^grew/ }).dblclick();
  assert.equal(await page.evaluate(() => getSelection().toString().trim()), 'grew');
  assert.equal(await page.locator('.gone').count(), 0);
});

test('the smallest set turns the label, and can be taken out', async () => {
  const { page } = await opened();
  await page.getByText('Which words would have to go').click();
  await page.locator('#flip-start').click();
  const says = page.locator('#flip-says');
  await says.getByText(/turns from/).waitFor();
  const [, word, before, label] = /^Without “(.+?)”, the label turns from (\w+) \(\d+%\) to (\w+) \(\d+%\)\. No smaller set can do that\. \(\d+ texts\.\)$/.exec(await says.textContent());
  assert.equal(before, (await verdict(page)).toLowerCase());
  assert.deepEqual(await page.locator('#flip-text del').allTextContents(), [word]);
  assert.equal(await page.locator('#flip-text').textContent(), TEXT);
  await page.getByRole('button', { name: 'Take these words out' }).click();
  assert.match(await page.locator('#moved-says', { hasText: 'the label turns' }).textContent(), new RegExp(`^Without “${word}”, ${before} falls .* turns to ${label}\\.$`));
  assert.deepEqual(await page.locator('#words .gone').allTextContents(), [word]);
  // Another class is another view of the same label, another text is not.
  await page.getByRole('radio', { name: /Neutral/ }).check();
  assert.notEqual(await says.textContent(), '');
  await write(page, `${TEXT} again`);
  assert.equal(await says.textContent(), '');
  assert.ok(await page.locator('#flip-text').isHidden());
});

test('a search can be stopped, and another text stops it', async () => {
  const { page, complaints } = await opened('Orders grew again and again this quarter at Calder Foods. '.repeat(12));
  await page.getByText('Which words would have to go').click();
  const start = page.locator('#flip-start');
  await start.click();
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByRole('button', { name: 'Search' }).waitFor();
  assert.equal(await page.locator('#flip-says').textContent(), '');
  await start.click();
  await write(page, TEXT);
  await page.getByRole('button', { name: 'Search' }).waitFor();
  assert.equal(await page.locator('#flip-says').textContent(), '');
  assert.deepEqual(complaints, []);
});

test('curves begin without a word and end with the whole text, and their figures are tables', async () => {
  const { page, complaints } = await opened();
  await page.locator('input[name=class][value=bullish]').check();
  await page.getByText('Does the order of the words hold').click();
  await page.getByRole('button', { name: 'Draw the curves' }).click();
  await page.locator('#curves-says', { hasText: 'The strongest words alone bring bullish back sooner than' }).waitFor();
  const box = await page.locator('#curves-chart canvas').boundingBox();
  assert.ok(box.width > 250 && box.height > 200);
  const areas = await page.locator('#curves-areas td').allTextContents();
  const [insertion, random, deletion] = areas.map((area) => Number(area.split(' ')[0]));
  assert.ok(insertion > random && random > deletion, areas.join());
  await page.getByText('Every point').click();
  const rows = await page.locator('#curves-points tbody tr').evaluateAll((lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent)));
  const words = await page.locator('#words .word').count();
  assert.deepEqual([rows[0][0], rows.at(-1)[0]], ['0', String(words)]);
  // All curves meet at both ends; the last is the text's own probability.
  for (const [, alone, , gone] of [rows[0], rows.at(-1)]) assert.equal(alone, gone);
  assert.equal(Number(rows.at(-1)[1].replace('%', '')), (await shares(page)).Bullish);
  await page.getByRole('radio', { name: /Bearish/ }).check();
  assert.ok(await page.locator('#curves-shown').isHidden(), 'another class has other curves');
  assert.deepEqual(complaints, []);
});

test('nothing to take out is no trouble', async () => {
  const { page, complaints } = await opened();
  await page.locator('#text').fill('\u200b');
  await settle(page);
  await page.getByText('Which words would have to go').click();
  await page.locator('#flip-start').click();
  await page.locator('#flip-says', { hasText: 'no word' }).waitFor();
  await page.getByText('Does the order of the words hold').click();
  await page.getByRole('button', { name: 'Draw the curves' }).click();
  await page.locator('#curves-says', { hasText: 'too few words' }).waitFor();
  assert.deepEqual(complaints, []);
});

test('with forced colours lines, band and ground of the curves differ, and so do the bars', async () => {
  const { page } = await opened(TEXT, { forcedColors: 'active' });
  await page.getByText('Does the order of the words hold').click();
  await page.getByRole('button', { name: 'Draw the curves' }).click();
  await page.locator('#curves-chart canvas').waitFor();
  const colours = await page.locator('#curves-chart').evaluate((chart) => {
    const { color, caretColor } = getComputedStyle(chart);
    return [color, caretColor, getComputedStyle(document.body).backgroundColor, getComputedStyle(document.documentElement).backgroundColor];
  });
  assert.ok(new Set(colours).size >= 3, colours.join());
  // Also as drawn: the chart has at least three colours that fill many points.
  const drawn = await page.locator('#curves-chart canvas').evaluate((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Map();
    for (let at = 0; at < data.length; at += 4) {
      const colour = data.slice(at, at + 4).join();
      seen.set(colour, (seen.get(colour) ?? 0) + 1);
    }
    return [...seen.values()].filter((points) => points > 300).length;
  });
  assert.ok(drawn >= 3, `${drawn} colours`);
});
