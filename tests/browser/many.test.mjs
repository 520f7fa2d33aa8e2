/** The view of many texts: a file dropped, read, sorted, stopped, downloaded. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';
import { csvOf, download, drawnRows, drop, headlines, parseCsv, readFileOf, turnToMany } from './dropping.mjs';
import { settle, turnToText, visiting } from './page.mjs';
import { servePackage } from './site.mjs';

const STUDENT = fileURLToPath(new URL('../../web/models/finance.glass', import.meta.url));
const site = visiting();

/** Texts of many kinds: right to left, without spaces between words, with and without a text. */
const AWKWARD = ['הרווחים עלו השנה', '今年の売上は過去最高を更新した', 'Profit up, "again"\nand again', '', '   ', '👍🏽', 'x'.repeat(5_000), 'Dividend cut'];

let bare;
let browser;

before(async () => {
  [bare, browser] = await Promise.all([servePackage({ '/student.glass': STUDENT }), launch()]);
});

after(async () => {
  await browser?.close();
  await bare?.stop();
});

/** What the package itself answers. */
async function answersOf(texts) {
  const page = await browser.newPage();
  await page.goto(bare.address);
  const answers = await page.evaluate(async (asked) => {
    const { Classifier } = await import('/pkg/dist/index.js');
    const classifier = await Classifier.load('/student.glass', { backend: 'cpu' });
    return classifier.classifyAll(asked, { explain: true });
  }, texts);
  await page.close();
  return answers;
}

/** What a word gives to each class, less the mean over classes. */
function aboveMean({ weights: { bearish, bullish, neutral } }) {
  const mean = (bearish + bullish + neutral) / 3;
  return { bearish: bearish - mean, bullish: bullish - mean, neutral: neutral - mean };
}

/** Opens the page and turns to the view of many texts. */
async function visit(options) {
  const visit = await site.open(options);
  await turnToMany(visit.page);
  return visit;
}

test('a file is dropped, its column chosen and read, the table sorted and a text opened, all by keyboard', async () => {
  const { page, complaints } = await visit();
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
  const tabTo = async (wanted) => {
    for (let presses = 0; presses < 12; presses++) {
      if ((await focused()).startsWith(wanted)) return;
      await page.keyboard.press('Tab');
    }
    assert.fail(`Tab does not lead to ${wanted}, but to ${await focused()}`);
  };
  await drop(page, 'news.csv', csvOf(headlines(300)));
  await page.waitForFunction(() => document.activeElement.id === 'column');
  assert.equal(await page.locator('#column').inputValue(), 'headline', 'the longest texts are offered first');
  await page.keyboard.press('ArrowUp');
  assert.equal(await page.locator('#column').inputValue(), 'id');
  assert.deepEqual(await page.locator('#preview .chosen').allTextContents(), ['id', '0', '1', '2', '3', '4']);
  await page.keyboard.press('ArrowDown');
  await tabTo('start');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.id === 'results-title');
  assert.match(await page.locator('#results-title').textContent(), /^300 texts by the Finance model, in /);
  await page.locator('#many-status', { hasText: /^Done: 300 texts/ }).waitFor();

  await tabTo('Score');
  await page.keyboard.press('Enter');
  await page.locator('th[aria-sort=descending] .sort', { hasText: 'Score' }).waitFor();
  await tabTo('Score');
  await page.keyboard.press('Enter');
  await page.locator('th[aria-sort=ascending] .sort', { hasText: 'Score' }).waitFor();
  const scores = (await drawnRows(page)).map(([, , score]) => Number.parseInt(score.replace(/[<>]/, '')));
  assert.ok(scores.length >= 10);
  assert.deepEqual(scores, [...scores].sort((a, b) => a - b));

  const row = async () => Number(await page.evaluate(() => document.activeElement.closest('tr').getAttribute('aria-rowindex')));
  await page.keyboard.press('Tab');
  assert.equal(await row(), 2);
  await page.keyboard.press('End');
  assert.equal(await row(), 301);
  await page.keyboard.press('ArrowUp');
  assert.equal(await row(), 300);
  const box = await page.evaluate(() => {
    const [inner, outer] = [document.activeElement, document.querySelector('#rows-scroller')].map((element) => element.getBoundingClientRect());
    return inner.top >= outer.top && inner.bottom <= outer.bottom;
  });
  assert.ok(box, 'the row with the focus is in sight');
  await page.locator('#rows-scroller').evaluate((scroller) => (scroller.scrollTop = 0));
  await page.waitForTimeout(200);
  assert.equal(await row(), 300, 'scrolling away does not take the focus');
  await page.keyboard.press('PageUp');
  const text = await focused();
  await page.waitForFunction(() => document.activeElement.textContent !== '');
  const shown = await focused();
  await page.keyboard.press('Enter');
  await settle(page);
  assert.equal(await page.locator('#text').inputValue(), shown, text);
  assert.equal(await focused(), 'text');
  await page.getByRole('link', { name: 'Many texts' }).click();
  // They are drawn anew once the view is measured again.
  await page.waitForFunction(() => document.querySelectorAll('#rows tbody tr:not(.gap)').length >= 10);
  assert.deepEqual(complaints, []);
});

test('downloads hold what the package answers for these texts, and the file\u2019s own columns', async () => {
  const texts = [...headlines(600), ...AWKWARD];
  const { page } = await visit();
  await readFileOf(page, 'news.csv', csvOf(texts));
  const expected = await answersOf(texts);
  const { name, text } = await download(page, 'csv');
  assert.equal(name, 'news.labelled.csv');
  const [head, ...rows] = parseCsv(text);
  assert.deepEqual(head, ['id', 'headline', 'label', 'score bearish', 'score bullish', 'score neutral', 'words for', 'words against']);
  const json = (await download(page, 'jsonl')).text.trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.equal(rows.length, texts.length);
  assert.equal(json.length, texts.length);
  texts.forEach((text, at) => {
    const [id, own, label, ...rest] = rows[at];
    assert.deepEqual([id, own], [String(at), text]);
    assert.equal(json[at].headline, text);
    if (text.trim() === '') {
      assert.deepEqual([label, ...rest], ['', '', '', '', '', '']);
      assert.equal(json[at].label, null);
      return;
    }
    const { scores, label: wanted, words } = expected[at];
    assert.equal(label, wanted);
    assert.equal(json[at].label, wanted);
    ['bearish', 'bullish', 'neutral'].forEach((name, place) => {
      assert.ok(Math.abs(Number(rest[place]) - scores[name]) <= 5.1e-7, `${text}: ${name}`);
      assert.equal(json[at][`score ${name}`], Number(rest[place]));
    });
    const strongest = words.reduce((most, word) => (aboveMean(word)[wanted] > aboveMean(most)[wanted] ? word : most), words[0]);
    if (json[at]['words for'].length > 0) assert.equal(json[at]['words for'][0].toLowerCase(), strongest.text.toLowerCase());
  });
  assert.match((await page.locator('#notes').textContent()) ?? '', /^2 rows hold no text and got no label\./);
});

test('the words of each class are the sums over all texts', async () => {
  const texts = headlines(500);
  const { page } = await visit();
  await readFileOf(page, 'news.txt', texts.join('\n'));
  const sums = new Map();
  for (const { words } of await answersOf(texts)) {
    for (const word of words) {
      const { text } = word;
      const weights = aboveMean(word);
      const entry = sums.get(text.toLowerCase()) ?? { seen: 0, bearish: 0, bullish: 0, neutral: 0 };
      entry.seen++;
      for (const name of ['bearish', 'bullish', 'neutral']) entry[name] += weights[name];
      sums.set(text.toLowerCase(), entry);
    }
  }
  const tables = page.locator('.driver-table');
  for (const [at, name] of ['bearish', 'bullish', 'neutral'].entries()) {
    const shown = await tables.nth(at).locator('tbody tr').evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));
    const wanted = [...sums].filter(([, { seen, [name]: sum }]) => seen > 1 && sum > 0).sort(([, a], [, b]) => b[name] - a[name]).slice(0, 15);
    assert.ok(wanted.length >= 3);
    assert.deepEqual(shown, wanted.map(([word, entry]) => [word, `+${entry[name].toFixed(2)}`, String(entry.seen)]));
  }
});

test('stopping keeps what is done, and it can be downloaded', async () => {
  const { page } = await visit();
  await drop(page, 'news.csv', csvOf(headlines(60_000)));
  await page.locator('#start').click();
  await page.waitForFunction(() => /^[1-9]/.test(document.querySelector('#read-figures').textContent));
  await page.keyboard.press('Enter');
  await page.locator('#notes', { hasText: 'You stopped it.' }).waitFor();
  const read = Number((await page.locator('#results-title').textContent()).split(' ')[0].replaceAll(',', ''));
  assert.ok(read > 0 && read < 60_000, String(read));
  const rows = parseCsv((await download(page, 'csv')).text).slice(1);
  assert.equal(rows.length, read);
  assert.ok(rows.every(([id, , label], at) => id === String(at) && label !== ''));
  await readFileOf(page, 'again.txt', 'Dividend cut');
  assert.match(await page.locator('#results-title').textContent(), /^1 text by/);
});

test('what cannot be read is told, with the way out; what stands before the fault is kept', async () => {
  const { page, complaints } = await visit();
  const problem = page.locator('#many-problem');
  for (const [name, content, message] of [
    ['empty.csv', '', /is empty; choose/],
    ['book.csv', 'PK\u0003\u0004\u0000', /a workbook or a ZIP archive/],
    ['array.json', '[1]', /one object a line/],
  ]) {
    await drop(page, name, content);
    await problem.filter({ hasText: message }).waitFor();
    assert.ok(await page.locator('#columns').isHidden());
  }
  await readFileOf(page, 'fault.jsonl', '{"text":"Dividend cut"}\n{"text":"Profit up"}\n{"text":\n');
  assert.match(await problem.textContent(), /^Reading stopped after row 2.*line 3 is no JSON object/i);
  assert.equal((await download(page, 'jsonl')).text.trimEnd().split('\n').length, 2);
  await drop(page, 'worse.jsonl', '{"text":"Dividend cut"}\n');
  await page.locator('#columns:not([hidden])').waitFor();
  assert.equal(await problem.textContent(), '', 'an old fault is not told of a new file');
  assert.deepEqual(complaints, []);
});

test('nothing is uploaded, and once the view is here nothing is fetched', async () => {
  const { page, requests, complaints } = await visit();
  await page.waitForSelector('html[data-network=quiet]', { state: 'attached' });
  const before = requests.length;
  await readFileOf(page, 'news.csv', csvOf(headlines(2_000)));
  await page.getByRole('radio', { name: 'Spam', exact: true }).check();
  await readFileOf(page, 'news.csv', csvOf(headlines(200)));
  assert.match(await page.locator('#results-title').textContent(), /by the Spam model/);
  await download(page, 'csv');
  assert.deepEqual(requests.slice(before).filter((url) => !url.startsWith('blob:')), []);
  assert.deepEqual(complaints, []);
});

test('the address leads to the view, and both views have a title', async () => {
  const { page } = await site.open();
  assert.equal(await page.title(), 'Stillglass');
  await page.goto(`${page.url()}#many`);
  await page.reload();
  await page.locator('#drop').waitFor();
  assert.equal(await page.title(), 'Many texts – Stillglass');
  assert.equal(await page.locator('[aria-current=page]').textContent(), 'Many texts');
  await page.goBack();
  await page.getByRole('textbox').waitFor();
  assert.equal(await page.title(), 'Stillglass');
});

test('a file from Excel keeps its mark, and other encodings are told', async () => {
  const { page } = await visit();
  await readFileOf(page, 'excel.csv', '\ufefftext,id\r\nDividend cut,1\r\nProfit up,2\r\n');
  assert.equal((await download(page, 'csv')).text.slice(0, 9), '\ufefftext,id,');
  const latin = Buffer.from('text\ncaf\xe9\n', 'latin1');
  await page.locator('#table-file').setInputFiles({ name: 'latin.csv', mimeType: 'text/csv', buffer: latin });
  await page.locator('#many-problem', { hasText: /not written in UTF-8.*save it anew as UTF-8/ }).waitFor();
});

test('a desk that does not load is told and called again, by the one view there is', async () => {
  const { page } = await visit({ prepare: (page) => page.route('**/desk-*.js', (route) => route.abort(), { times: 2 }) });
  const problem = page.locator('#many-problem');
  await problem.filter({ hasText: 'This view did not load; turn to it again' }).waitFor();
  const [again] = await Promise.all([page.waitForEvent('requestfailed'), turnToText(page).then(() => turnToMany(page))]);
  assert.match(again.url(), /desk-/);
  await problem.filter({ hasText: 'This view did not load' }).waitFor();
  await readFileOf(page, 'news.txt', 'Dividend cut');
  assert.equal(await problem.textContent(), '');
  const downloads = [];
  page.on('download', (begun) => downloads.push(begun.suggestedFilename()));
  await download(page, 'csv');
  await page.waitForTimeout(300);
  assert.deepEqual(downloads, ['news.labelled.csv'], 'nothing listens twice');
});

test('a desk that dies later is told, and the next file gets a fresh one', async () => {
  const { page } = await visit();
  await readFileOf(page, 'news.txt', 'Dividend cut');
  const desk = page.workers().find((worker) => worker.url().includes('/desk-'));
  await desk.evaluate(() => void setTimeout(() => { throw new Error('broken on purpose'); }));
  await page.locator('#many-problem', { hasText: /the desk stopped: .*broken on purpose; choose the file again/i }).waitFor();
  assert.ok(await page.locator('#results').isHidden(), 'its rows are gone with it');
  await readFileOf(page, 'again.txt', 'Dividend cut\nProfit up');
  assert.match(await page.locator('#results-title').textContent(), /^2 texts by/);
});

test('stopping while the model is still on its way is not lost', async () => {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const prepare = (page) => page.route('**/spam-*.glass', (route) => held.then(() => route.continue()));
  const { page } = await visit({ prepare, state: 'any' });
  await page.getByRole('radio', { name: 'Spam', exact: true }).check();
  await drop(page, 'news.txt', 'Dividend cut');
  await page.locator('#start').click();
  await page.locator('#cancel').click();
  release();
  await page.locator('#many-status', { hasText: 'Stopped. No text was read.' }).waitFor();
  assert.ok((await page.locator('#under-way').isHidden()) && (await page.locator('#results').isHidden()));
});

test('results are downloaded under the name of their own file, whatever was dropped since', async () => {
  const { page } = await visit();
  await readFileOf(page, 'first.csv', csvOf(headlines(2)));
  await drop(page, 'second.csv', csvOf(headlines(3)));
  await page.locator('#columns:not([hidden])').waitFor();
  assert.equal((await download(page, 'csv')).name, 'first.labelled.csv');
});
