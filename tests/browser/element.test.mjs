/** `<stillglass-explain>`: what it shows, to eyes and to screen readers, and what it says when it cannot. */

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';
import { servePackage } from './site.mjs';

const STUDENT = fileURLToPath(new URL('../../web/models/finance.glass', import.meta.url));
const TEXT = 'Northwind raises its outlook';
const MIXED = 'Orders grew 12% at Calder Foods, but margins fell and the board expects a weaker second half';

let site;
let browser;
let page;
let complaints;

before(async () => {
  site = await servePackage({ '/finance.glass': STUDENT });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await site?.stop();
});

beforeEach(async () => {
  complaints = [];
  page = await browser.newPage();
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.location().url.endsWith('favicon.ico')) complaints.push(message.text());
  });
  await page.goto(site.address);
  await page.evaluate(() => import('/pkg/dist/element.js'));
});

afterEach(() => page.close());

/** Puts an element into the page and waits until it has answered, or failed. */
async function shown(html, state = 'answered') {
  await page.evaluate((html) => document.body.insertAdjacentHTML('beforeend', html), html);
  await page.locator(`stillglass-explain[data-state=${state}]`).first().waitFor({ state: 'attached' });
}

const part = (name) => page.locator(`stillglass-explain [part~=${name}]`);

test('class, words and a sentence, under a strict policy', async () => {
  await shown(`<stillglass-explain model="/finance.glass" label="bearish">${MIXED}</stillglass-explain>`);
  assert.match(await part('verdict').textContent(), /^bearish \d+%$|^\w+ \d+% \(explained: bearish, \d+%\)$/);
  const words = await part('words').evaluate((element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll('[part=value]').forEach((value) => value.remove());
    return copy.textContent;
  });
  assert.equal(words, MIXED);
  const style = (name) => part(name).first().evaluate((word) => getComputedStyle(word).textDecorationStyle);
  assert.equal(await style('for'), 'solid');
  assert.equal(await style('against'), 'dashed');
  assert.match(await page.getByRole('status').textContent(), /^\w+, \d+%; “\S+” spoke most for bearish, “\S+” most against it\.$/);
  await page.getByRole('group', { name: 'Words and what they gave to bearish' }).waitFor();
  assert.match(await part('value').first().textContent(), /^ [+\u2212]\d\.\d\d$/);
  assert.deepEqual(complaints, []);
});

test('another text, another class, a theme', async () => {
  await shown(`<stillglass-explain model="/finance.glass">${TEXT}</stillglass-explain>`);
  await page.evaluate(() => document.querySelector('stillglass-explain').style.setProperty('--stillglass-for', 'rgb(1, 2, 3)'));
  const colour = await part('for').first().evaluate((word) => getComputedStyle(word).textDecorationColor);
  assert.equal(colour, 'rgb(1, 2, 3)');
  await page.evaluate(() => document.querySelector('stillglass-explain').setAttribute('label', 'bearish'));
  await page.getByRole('group', { name: /bearish/ }).waitFor();
  assert.match(await part('verdict').textContent(), /explained: bearish, \d+%/);
  const detail = await page.evaluate(async () => {
    const element = document.querySelector('stillglass-explain');
    const answer = new Promise((resolve) => element.addEventListener('stillglass-answer', ({ detail }) => resolve(detail.label), { once: true }));
    element.text = 'Shares sink as profit misses';
    return answer;
  });
  assert.equal(detail, 'bearish');
});

test('elements of one model share a worker, which ends with the last of them', async () => {
  const element = (text) => `<stillglass-explain model="/finance.glass">${text}</stillglass-explain>`;
  await shown(element('one') + element('two'));
  await page.waitForFunction(() => document.querySelectorAll('[data-state=answered]').length === 2);
  assert.equal(page.workers().length, 1);
  await page.evaluate(() => document.querySelector('stillglass-explain').remove());
  await page.waitForTimeout(100);
  assert.equal(page.workers().length, 1);
  await page.evaluate(() => document.querySelector('stillglass-explain').remove());
  for (let wait = 0; wait < 100 && page.workers().length > 0; wait++) await page.waitForTimeout(50);
  assert.equal(page.workers().length, 0);
});

test('what is no markup stays text, and a model that is not there says so beside it', async () => {
  await shown(`<stillglass-explain model="/finance.glass">&lt;img src=x onerror=alert(1)&gt; grew</stillglass-explain>`);
  assert.equal(await page.locator('stillglass-explain img').count(), 0);
  await page.evaluate(() => document.querySelector('stillglass-explain').remove());
  await shown(`<stillglass-explain model="/absent.glass">${TEXT}</stillglass-explain>`, 'failed');
  assert.match(await page.getByRole('alert').textContent(), /404 for .*absent\.glass/);
  assert.ok(await page.getByText(TEXT).isVisible());
});

test('a class that the model has not is told with those it has', async () => {
  for (const label of ['bogus', 'constructor']) {
    await shown(`<stillglass-explain model="/finance.glass" label="${label}">${TEXT}</stillglass-explain>`, 'failed');
    const told = await page.evaluate(() => document.querySelector('stillglass-explain').shadowRoot.querySelector('[part=error]').textContent);
    assert.equal(told, `label="${label}": the model has bearish, bullish, neutral`);
    await page.evaluate(() => document.querySelector('stillglass-explain').remove());
  }
});

test('an answer goes once a later call fails, or its model is taken away', async () => {
  const held = () =>
    page.evaluate(() => {
      const element = document.querySelector('stillglass-explain');
      const parts = ['verdict', 'words', 'summary', 'error'].map((name) => element.shadowRoot.querySelector(`[part=${name}]`).textContent !== '');
      return { answer: element.answer !== undefined, state: element.dataset.state, parts };
    });
  await shown(`<stillglass-explain model="/finance.glass">${TEXT}</stillglass-explain>`);
  const answered = { answer: true, state: 'answered', parts: [true, true, true, false] };
  assert.deepEqual(await held(), answered);
  await page.evaluate(() => (document.querySelector('stillglass-explain').text = 'x'.repeat(1_000_001)));
  await page.locator('stillglass-explain[data-state=failed]').waitFor({ state: 'attached' });
  assert.deepEqual(await held(), { answer: false, state: 'failed', parts: [false, false, false, true] });
  await page.evaluate((text) => (document.querySelector('stillglass-explain').text = text), TEXT);
  await page.locator('stillglass-explain[data-state=answered]').waitFor({ state: 'attached' });
  assert.deepEqual(await held(), answered);
  await page.evaluate(() => document.querySelector('stillglass-explain').removeAttribute('model'));
  assert.deepEqual(await held(), { answer: false, state: undefined, parts: [false, false, false, false] });
  assert.ok(await page.getByText(TEXT).isVisible());
});
