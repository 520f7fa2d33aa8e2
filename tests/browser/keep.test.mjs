/** Copying, saving and linking an answer, in every script. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparing, compared } from './comparing.mjs';
import { parseCsv } from './dropping.mjs';
import { filesOf, keepingFiles, openKeep, parsed, saved } from './keeping.mjs';
import { bringModel, bundleBytes, exampleText, settle, turnToModels, turnToText, verdict, visiting, write } from './page.mjs';

const site = visiting();
const TEXT = exampleText('Mixed quarter');
const NAME = /^stillglass-Finance-\d{4}-\d\d-\d\d-\d{6}\.(\w+)$/;

/** Made up, each with what breaks offsets or order: brackets, numbers, marks, characters of two units. */
const SCRIPTS = {
  arabic: { text: 'ارتفعت أرباح شركة الواحة (Oasis) بنسبة 12% في الربع الثالث، لكن المبيعات تراجعت.', rtl: true },
  hebrew: { text: 'מניית "כרמל שבבים" זינקה ב-8% אחרי רווח שיא (2027), והמנכ״ל פרש.', rtl: true },
  chinese: { text: '东方电子第三季度利润创下新高，但订单下降，董事会预计明年上半年会更加疲软。' },
  japanese: { text: '東方電子の株価は「過去最高益」の発表後に上昇したが、来期の見通しは弱い。ガ行' },
  thai: { text: 'หุ้นของบริษัทเพิ่มขึ้นหลังกำไรสูงเป็นประวัติการณ์ แต่ยอดขายลดลงในไตรมาสที่สามของปีงบประมาณนี้เมื่อเทียบกับปีก่อนหน้า' },
  emoji: { text: 'Up 📈📈 and 👩🏽‍🚀 to the 🇯🇵 moon 🚀, cafe\u0301 🏴‍☠️!' },
  mixed: { text: 'Shares of الواحة rose 5% while כרמל (Carmel) fell and 東方電子 was flat' },
};

test('files are named by model and time, and hold the answer', async () => {
  const { page, complaints } = await site.open();
  await write(page, TEXT);
  await page.locator('input[name=class][value=bullish]').check();
  await page.getByRole('option', { name: /^grew/ }).click();
  await page.locator('#moved-table:not([hidden])').waitFor();
  for (const kind of ['json', 'csv', 'svg', 'html']) {
    const { name, text } = await saved(page, kind);
    assert.equal(NAME.exec(name)?.[1], kind);
    assert.equal(await page.locator('#keep-says').textContent(), `Saved as ${name}.`);
    assert.ok(text.includes('weaker'));
    if (kind === 'json') assert.deepEqual(JSON.parse(text).without.words, [{ text: 'grew', start: 7, end: 11 }]);
    if (kind === 'csv') assert.deepEqual(parseCsv(text).find((row) => row[2] === 'grew').slice(0, 6), ['Student', 'word', 'grew', '7', '11', 'yes']);
    if (kind === 'html') assert.match(text, /<del class="word for s\d+" title="\+\d\.\d\d">grew<\/del>/);
  }
  assert.deepEqual(complaints, []);
});

for (const [script, { text, rtl = false }] of Object.entries(SCRIPTS)) {
  test(`words keep their places, in ${script}`, async () => {
    const { page, context, complaints } = await site.open({ prepare: keepingFiles });
    const blank = await context.newPage();
    await write(page, text);
    const words = await page.locator('#words .word').allTextContents();
    assert.equal(await page.locator('#words').evaluate((sheet) => getComputedStyle(sheet).direction), rtl ? 'rtl' : 'ltr');
    // The arrow that points where the text goes on leads to the next word.
    await page.locator('#words .word').first().focus();
    await page.keyboard.press(rtl ? 'ArrowLeft' : 'ArrowRight');
    assert.equal(await page.evaluate(() => document.activeElement.dataset.index), '1');
    await page.keyboard.press('Delete');
    await page.locator('#moved-table:not([hidden])').waitFor();
    const { json, svg, html } = await filesOf(page);
    const record = JSON.parse(json);
    assert.deepEqual(record.readers[0].words.map((word) => text.slice(word.start, word.end)), words);
    const [{ start, end }] = record.without.words;
    assert.equal(record.without.readers[0].text, text.slice(0, start) + text.slice(end));
    assert.equal((await parsed(blank, html, 'text/html')).words, text);
    const { pieces } = await parsed(blank, svg, 'image/svg+xml');
    const bare = (whole) => whole.replace(/\s/g, '');
    assert.equal(bare(pieces.map((piece) => piece.text).join('')), bare(text));
    for (const { x, width, direction } of pieces) {
      const [left, right] = direction === 'rtl' ? [x - width, x] : [x, x + width];
      assert.ok(left >= -1 && right <= 673, `${left} to ${right}`);
    }
    // Two words of one script and one line: the second stands where the text goes on.
    const [first, second] = pieces;
    assert.equal(Math.sign(second.x - first.x), rtl ? -1 : 1);
    assert.deepEqual(complaints, []);
  });
}

test('a word of many lines is drawn on each of them', async () => {
  const { page, context } = await site.open({ prepare: keepingFiles });
  const blank = await context.newPage();
  await write(page, `Profit ${'supercalifragilistic'.repeat(12)} fell`);
  await openKeep(page);
  const { pieces } = await parsed(blank, (await filesOf(page, ['svg'])).svg, 'image/svg+xml');
  const long = pieces.filter(({ text }) => 'supercalifragilistic'.repeat(12).includes(text) && text.length > 9);
  assert.ok(new Set(long.map(({ y }) => y)).size >= 3);
});

comparing('both readers are kept', async () => {
  const { page, context } = await compared({ prepare: keepingFiles });
  const blank = await context.newPage();
  await page.locator('#teacher-words .word').first().click();
  await page.waitForFunction(() => /^[^–]+$/.test(document.querySelector('#moved-table tbody').textContent));
  assert.equal(await page.locator('.gone').count(), 2, 'struck in both sheets');
  const { json, csv, svg, html } = await filesOf(page);
  const record = JSON.parse(json);
  assert.deepEqual(record.readers.map(({ reader }) => reader), ['Student', 'Teacher']);
  assert.equal(record.readers[1].method, 'integrated-gradients');
  assert.deepEqual(record.without.readers.map(({ reader }) => reader), ['Student', 'Teacher']);
  assert.deepEqual(new Set(parseCsv(csv).map(([reader]) => reader)), new Set(['reader', 'Student', 'Teacher']));
  for (const name of ['Student', 'Teacher']) {
    assert.ok(svg.includes(`>${name}: `));
    assert.ok(html.includes(`>${name}: `));
  }
  const { pieces } = await parsed(blank, svg, 'image/svg+xml');
  assert.equal(pieces.filter(({ text }) => text === 'weaker').length, 2);
});

test('what is copied can be pasted, and where copying is refused it can be copied by hand', async () => {
  const { page, context } = await site.open();
  await write(page, TEXT);
  await page.locator('input[name=class][value=bullish]').check();
  await openKeep(page);
  await page.evaluate(() => (navigator.clipboard.writeText = () => Promise.reject(new DOMException('', 'NotAllowedError'))));
  await page.getByRole('button', { name: 'Copy as text' }).click();
  await page.locator('#keep-says', { hasText: 'to copy by hand' }).waitFor();
  assert.match(await page.locator('#by-hand').inputValue(), new RegExp(`^Orders grew .*\\n\\nStudent: ${await verdict(page)} \\(bearish \\d+%`));
  await page.evaluate(() => delete navigator.clipboard.writeText);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('button', { name: 'Copy as text' }).click();
  await page.locator('#keep-says', { hasText: 'Copied.' }).waitFor();
  assert.ok(await page.locator('#by-hand').isHidden());
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /For bullish: “grew” \+\d\.\d\d/);
});

/** The link that the page copies. */
async function link(page) {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await openKeep(page);
  await page.getByRole('button', { name: 'Copy link' }).click();
  await page.locator('#keep-says', { hasText: 'Copied.' }).waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

test('a link brings text, model and class, and leaves the address', async () => {
  const { page } = await site.open();
  await page.getByRole('radio', { name: 'Spam', exact: true }).check();
  await write(page, `${SCRIPTS.arabic.text} & #1 + 5%`);
  await page.locator('input[name=class]:not(:checked)').first().check();
  const picked = await page.locator('input[name=class]:checked').getAttribute('value');
  assert.equal(new URL(page.url()).hash, '', 'typing does not change the address');
  const address = await link(page);

  const visit = await site.open({ prepare: (other) => other.addInitScript((hash) => void (location.hash === '' && history.replaceState(null, '', hash)), new URL(address).hash) });
  await settle(visit.page);
  assert.equal(await visit.page.locator('#text').inputValue(), `${SCRIPTS.arabic.text} & #1 + 5%`);
  assert.ok(await visit.page.getByRole('radio', { name: 'Spam', exact: true }).isChecked());
  assert.equal(await visit.page.locator('input[name=class]:checked').getAttribute('value'), picked);
  assert.equal(new URL(visit.page.url()).hash, '');
  assert.deepEqual(visit.requests.filter((url) => url.includes('text=')), [], 'no server hears of it');
  assert.deepEqual(visit.complaints, []);

  // In a tab that is open already, and from the other view.
  await visit.page.getByRole('link', { name: 'Many texts' }).click();
  await visit.page.locator('#drop').waitFor();
  await visit.page.evaluate((hash) => (location.hash = hash), `#text=Dividend%20cut&model=finance&class=neutral`);
  await visit.page.locator('#one-text').waitFor();
  await settle(visit.page);
  assert.equal(await verdict(visit.page), 'Bearish');
  assert.equal(await visit.page.locator('input[name=class]:checked').getAttribute('value'), 'neutral');
  // Views and the way back leave what was typed since.
  await write(visit.page, TEXT);
  await visit.page.getByRole('link', { name: 'Many texts' }).click();
  await visit.page.getByRole('link', { name: 'One text' }).click();
  assert.equal(await visit.page.locator('#text').inputValue(), TEXT);
});

test('what is no link is ignored, with a sentence', async () => {
  const { page, complaints } = await site.open();
  await write(page, TEXT);
  const note = page.locator('#link-note');
  for (const [hash, why] of [
    ['#elsewhere', 'not one of this page'],
    ['#text=%E0%A4%A&model=finance', 'damaged'],
    [`#text=${'a'.repeat(20_000)}&model=finance`, 'longer than'],
  ]) {
    await page.evaluate((wanted) => (location.hash = wanted), hash);
    await note.getByText(why).waitFor();
    assert.equal(await page.locator('#text').inputValue(), TEXT);
    assert.equal(new URL(page.url()).hash, '');
  }
  await page.evaluate(() => (location.hash = 'text=Dividend%20cut&model=finance&class=other'));
  await note.getByText('a class that this model does not have').waitFor();
  await settle(page);
  assert.equal(await verdict(page), 'Bearish');
  assert.deepEqual(complaints, []);
});

test('a link to a model that the page has not is read by another, with a sentence', async () => {
  const { context, page } = await site.open();
  const address = new URL('#text=Dividend%20cut&model=%3Cb%3E&class=other', page.url());
  const late = await context.newPage();
  await late.goto(address.href);
  await late.locator('.verdict-label').waitFor();
  assert.deepEqual([await late.locator('#text').inputValue(), await verdict(late)], ['Dividend cut', 'Bearish']);
  assert.match(await late.locator('#link-note').textContent(), /asks for a model that this page has not, “<b>”; Finance reads its text instead/);
  assert.equal(new URL(late.url()).hash, '');
});

test('a model of one’s own is named where a link would be', async () => {
  const { page } = await site.open();
  await turnToModels(page);
  await bringModel(page, 'my <b>.glass', await bundleBytes('finance'));
  await page.getByRole('radio', { name: 'my <b>', exact: true, checked: true }).waitFor();
  await turnToText(page);
  await write(page, TEXT);
  await openKeep(page);
  assert.ok(await page.getByRole('button', { name: 'Copy link' }).isHidden());
  assert.match(await page.locator('#link-about').textContent(), /^“my <b>” is a model of your own, which a link cannot name/);
  assert.match((await saved(page, 'json')).name, /^stillglass-my-b-/);
});

test('a text too long for a link is told so', async () => {
  const { page } = await site.open();
  await write(page, 'Orders grew. '.repeat(1400));
  await openKeep(page);
  await page.getByRole('button', { name: 'Copy link' }).click();
  await page.locator('#keep-says', { hasText: 'too long for a link, which holds 16,000 characters' }).waitFor();
});
