/** A model that chooses among answers to a question: the package's `choose`, and the page's sheet with fields. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assertAccessible } from './access.mjs';
import { launch } from './browser.mjs';
import { saved } from './keeping.mjs';
import { madeUp } from './made-up.mjs';
import { bringModel, turnToModels, turnToText, visiting } from './page.mjs';
import { servePackage } from './site.mjs';

const STUDENT = fileURLToPath(new URL('../../web/models/finance.glass', import.meta.url));
const { folder, remove } = await madeUp();
const CHOOSER = path.join(folder, 'chooser.glass');
const bytes = await readFile(CHOOSER);
/** Of words that the made-up vocabulary has. */
const QUESTION = 'The fund fell. What rose?';
const CHOICES = ['the stock', 'a fund', 'no stock at all'];

after(remove);

let site;
let browser;
let page;

before(async () => {
  [site, browser] = await Promise.all([servePackage({ '/chooser.glass': CHOOSER, '/student.glass': STUDENT }), launch()]);
  page = await browser.newPage();
  await page.goto(site.address);
});

after(async () => {
  await browser?.close();
  await site?.stop();
});

test('a choice\u2019s score is that of right less that of wrong, and words, bias and boundary add up to it', async () => {
  const { info, answer, pairs, model, plain } = await page.evaluate(async ([question, choices]) => {
    const { Classifier, Model } = await import('/pkg/dist/index.js');
    const clf = await Classifier.load('/chooser.glass');
    return {
      info: clf.info,
      answer: await clf.choose(question, choices, { explain: true }),
      plain: await clf.choose(question, choices),
      pairs: await clf.classifyAll(choices.map((choice) => [question, choice])),
      model: (await Model.load('/chooser.glass')).choose(question, choices, { explain: true }),
    };
  }, [QUESTION, CHOICES]);
  assert.deepEqual([info.choices, info.pairs, info.labels], [true, true, ['wrong', 'right']]);
  assert.deepEqual(answer.logits, pairs.map(({ logits: [wrong, right] }) => Math.fround(right - wrong)));
  assert.equal(answer.choice, answer.logits.indexOf(Math.max(...answer.logits)));
  const powers = answer.logits.map(Math.exp);
  const sum = powers.reduce((all, power) => all + power);
  answer.scores.forEach((score, at) => assert.ok(Math.abs(score - powers[at] / sum) < 1e-12));
  const { words, bias, boundary, explanation, ms, ...bare } = answer;
  assert.deepEqual(bare, (({ ms: _, ...rest }) => rest)(plain));
  assert.deepEqual(answer, { ...model, ms });
  for (const { text, start, end, choice } of words) assert.equal((choice === undefined ? QUESTION : CHOICES[choice]).slice(start, end), text);
  assert.deepEqual(words.map(({ choice }) => choice), [...Array(7).fill(undefined), 0, 0, 1, 1, 2, 2, 2, 2]);
  answer.logits.forEach((logit, at) => {
    const given = words.reduce((all, { weights }) => all + weights[at], 0) + bias[at] + boundary[at] + explanation.remainder[at];
    assert.ok(Math.abs(given - logit) < 1e-4, `${given} is not ${logit}`);
    for (const { choice, weights } of words) if (choice !== undefined && choice !== at) assert.equal(weights[at], 0);
  });
});

test('what is no question with choices is refused, with what is', async () => {
  const refusals = await page.evaluate(async () => {
    const { Classifier } = await import('/pkg/dist/index.js');
    const [clf, single] = await Promise.all(['chooser', 'student'].map((name) => Classifier.load(`/${name}.glass`)));
    const refusal = (promise) => promise.then(() => 'an answer', ({ code, message }) => `${code}: ${message}`);
    return Promise.all([
      refusal(single.choose('a', ['b', 'c'])),
      refusal(clf.choose('a', 'bc')),
      refusal(clf.choose('a', ['b'])),
      refusal(clf.choose('a', Array(101).fill('b'))),
      refusal(clf.choose('a', ['b', 7])),
      refusal(clf.choose(7, ['b', 'c'])),
      refusal(clf.choose('x'.repeat(1_000_000), ['b', 'c'])),
      refusal(clf.choose('a', ['b', 'b'], { explain: 'native' })),
    ]);
  });
  const wants = [
    /^bad-argument: choose: this model does not choose among answers \(info\.choices\); use classify$/,
    /^bad-argument: choose: choices: want an array of strings$/,
    /^bad-argument: choose: choices: want 2 to 100, found 1$/,
    /^bad-argument: choose: choices: want 2 to 100, found 101$/,
    /^bad-argument: choose: choice 1: want a string, found number$/,
    /^bad-argument: choose: question: want a string, found number$/,
    /^bad-argument: choose, choice 0: both texts have 1000001 UTF-16 units/,
    /^an answer$/,
  ];
  wants.forEach((want, at) => assert.match(refusals[at], want));
});

// The page.

const visits = visiting();
let complaints = [];

afterEach(() => assert.deepEqual(complaints, []));

/** A visit whose model is the made-up one. */
async function choosing(options) {
  const visit = await visits.open(options);
  complaints = visit.complaints;
  const view = visit.page;
  await turnToModels(view);
  await bringModel(view, 'chooser.glass', bytes);
  await view.getByRole('radio', { name: 'chooser', exact: true, checked: true }).waitFor();
  await turnToText(view);
  await view.getByRole('list', { name: 'Answers to choose among' }).waitFor();
  return view;
}

/** The field of an answer, from 1. */
const field = (view, place) => view.getByRole('textbox', { name: `Answer ${place}`, exact: true });

/** Writes question and answers and waits until words and reason are about them. */
async function ask(view, question = QUESTION, choices = CHOICES) {
  await view.getByRole('textbox', { name: 'Question', exact: true }).fill(question);
  for (const [at, choice] of choices.entries()) await field(view, at + 1).fill(choice);
  await view.waitForFunction((texts) => [...document.querySelectorAll('#words .half')].map(({ textContent }) => textContent).join('|') === texts.join('|'), [question, ...choices]);
  await view.locator('#summary:not(.stale):not(:empty)').waitFor();
  await view.locator('#reason[data-at=done]').waitFor();
}

/** The classes as they are shown: name and percent. */
const bars = (view) => view.locator('#classes .class').evaluateAll((lines) => lines.map((line) => [line.querySelector('.class-name').textContent, parseFloat(line.querySelector('.share').textContent)]));

test('a field for each answer and one more, and the answers are what is chosen from', async () => {
  const view = await choosing();
  assert.equal(await view.locator('#choices input').count(), 2);
  await view.getByRole('textbox', { name: 'Question', exact: true }).fill(QUESTION);
  await field(view, 1).fill(CHOICES[0]);
  await view.locator('#blank', { hasText: 'It takes a question and 2 answers at least.' }).waitFor();
  await ask(view);
  assert.equal(await view.locator('#choices input').count(), CHOICES.length + 1);
  const shown = await bars(view);
  assert.deepEqual(shown.map(([name]) => name.toLowerCase()), CHOICES);
  assert.ok(Math.abs(shown.reduce((sum, [, share]) => sum + share, 0) - 100) <= 2, String(shown));
  assert.equal(await view.locator('#classes legend').textContent(), 'Choose an answer to see its words');
  const best = shown.reduce((best, one) => (one[1] > best[1] ? one : best))[0];
  assert.equal(await view.locator('.verdict-label').textContent(), best);
  const heads = await view.locator('#numbers th[scope=rowgroup]').allTextContents();
  assert.deepEqual(heads, ['Question', 'Answer 1', 'Answer 2', 'Answer 3']);
  // Two answers that are alike are told apart.
  await field(view, 3).fill(CHOICES[0]);
  await view.waitForFunction(() => document.querySelectorAll('#classes .class').length === 3 && document.querySelector('#classes').textContent.includes('(2)'));
  // An empty field leaves no gap.
  await field(view, 2).fill('');
  await view.locator('#text').focus();
  await view.waitForFunction(() => document.querySelectorAll('#choices input').length === 3);
  assert.deepEqual(await view.locator('#choices input').evaluateAll((inputs) => inputs.map(({ value }) => value)), [CHOICES[0], CHOICES[0], '']);
  await field(view, 1).press('Enter');
  assert.equal(await view.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Answer 2');
  await view.getByRole('button', { name: 'Clear' }).click();
  await view.locator('#answer').waitFor({ state: 'hidden' });
  assert.equal(await view.locator('#choices input').count(), 2);
});

test('another answer has words and a reason of its own', async () => {
  const view = await choosing();
  await ask(view);
  const before = await view.locator('#reason-tokens').textContent();
  const other = view.locator('input[name=class]:not(:checked)').first();
  const name = await other.getAttribute('value');
  await other.check();
  await view.locator('#why-title', { hasText: name }).waitFor();
  await view.locator('#reason[data-at=done]').waitFor();
  await view.locator('#reason-of', { hasText: new RegExp(name, 'i') }).waitFor();
  assert.notEqual(await view.locator('#reason-tokens').textContent(), '');
  assert.ok(before !== '');
  // A part of the reason looked at the question and at this answer, at no other.
  await view.locator('#reason-tokens .token').first().focus();
  await view.locator('.looking').waitFor();
  const looked = await view.locator('#words .half').evaluateAll((halves) =>
    halves.map((half) => Math.max(...[...half.querySelectorAll('.word')].map((word) => Number(word.style.getPropertyValue('--look'))))),
  );
  const at = CHOICES.indexOf(name);
  looked.slice(1).forEach((share, choice) => assert.equal(share > 0, choice === at, looked.join()));
  // Another choice that is not its own leaves it as it is, and what is saved has it.
  const said = (await view.locator('#reason-tokens').textContent()).trim();
  await field(view, CHOICES.indexOf(name) === 0 ? 2 : 1).fill('the other fund');
  await view.waitForFunction(() => document.querySelector('#classes').textContent.toLowerCase().includes('the other fund'));
  await view.locator('#summary:not(.stale):not(:empty)').waitFor();
  const { reason } = JSON.parse((await saved(view, 'json')).text);
  assert.deepEqual([reason?.text, reason?.label], [said, name]);
});

test('links carry question and choices, to a model that chooses', async () => {
  const view = await choosing();
  // The made-up model is not in the list: the first that reads the like, or any, takes the text.
  await view.evaluate(() => (location.hash = '#text=Who%20rose%3F&choice1=the%20fund&choice2=a%20stock&model=elsewhere&class=nobody'));
  await view.locator('#link-note', { hasText: 'a model that this page has not' }).waitFor();
  const written = await view.evaluate(() => [document.querySelector('#text').value, ...[...document.querySelectorAll('#choices:not([hidden]) input')].map(({ value }) => value)].filter(Boolean));
  assert.deepEqual(written.join('\n').split('\n'), ['Who rose?', 'the fund', 'a stock']);
});

test('words taken out of the question move every answer, and what is kept has them all', async () => {
  const view = await choosing();
  await ask(view);
  await view.locator('#word-list').getByRole('group', { name: 'Question' }).getByRole('option', { name: /^fell:/ }).click();
  await view.locator('#moved-says', { hasText: 'Without “fell”' }).waitFor();
  assert.equal(await view.locator('#moved-table tbody tr').count(), CHOICES.length);
  // Without a word an answer is still that answer.
  await view.locator('#word-list').getByRole('group', { name: 'Answer 2' }).getByRole('option', { name: /^fund:/ }).click();
  await view.locator('#moved-says', { hasText: 'Without “fell” and “fund”' }).waitFor();
  assert.ok(!(await view.locator('#moved-table').textContent()).includes('–'));
  await view.locator('#flip > summary').click();
  await view.locator('#flip-start').click();
  await view.locator('#flip-says:not(:empty)').waitFor();
  await view.locator('#curves > summary').click();
  await view.locator('#curves-start').click();
  await view.locator('#curves-shown:not([hidden])').waitFor();
  const record = JSON.parse((await saved(view, 'json')).text);
  assert.deepEqual(record.text, [QUESTION, ...CHOICES]);
  assert.deepEqual(record.without.words, [{ text: 'fell', start: 9, end: 13 }, { text: 'fund', start: 2, end: 6, choice: 1 }]);
  assert.deepEqual(record.readers[0].scores.map((score) => score.class), CHOICES);
  for (const kind of ['csv', 'svg', 'html']) {
    const { text } = await saved(view, kind);
    assert.ok(text.includes('Answer 3') && !text.includes('\u001f'), kind);
  }
});

test('a question that is too long says so, and leaves its answers room', async () => {
  const view = await choosing();
  await view.getByRole('textbox', { name: 'Question', exact: true }).fill('the stock rose '.repeat(60));
  await field(view, 1).fill('a fund');
  await field(view, 2).fill('no fund');
  await view.locator('#cut', { hasText: 'the question with an answer has' }).waitFor();
  assert.match(await view.locator('#cut').textContent(), /The faded rest was not read\. Beside a long answer less of the question was read\.$/);
  assert.equal((await bars(view)).length, 2);
  const faded = () => view.locator('#words .half').evaluateAll((texts) => texts.map((text) => text.querySelector('.unread')?.textContent ?? ''));
  await view.locator('#words .half[data-name="Answer 2"] .word').first().waitFor();
  const short = await faded();
  assert.ok(short[0].endsWith('the stock rose ') || short[0].endsWith('…'), short[0]);
  assert.deepEqual(short.slice(1), ['', '']);
  // An answer gives way too, as soon as it is the longer one.
  await view.getByRole('textbox', { name: 'Question', exact: true }).fill('what did the stock do');
  await field(view, 2).fill('no fund '.repeat(90));
  await view.locator('#words .half[data-name="Answer 2"] .unread').waitFor();
  const long = await faded();
  assert.deepEqual([long[0], long[1]], ['', '']);
  assert.match(long[2], /no fund/);
  assert.match(await view.locator('#cut').textContent(), /The faded rest was not read\.$/);
});

for (const media of [{ colorScheme: 'light' }, { forcedColors: 'active' }]) {
  test(`axe finds nothing with a question, ${Object.values(media).join()}`, async () => {
    const view = await choosing(media);
    await ask(view);
    await view.getByRole('button', { name: 'Show the numbers' }).click();
    await assertAccessible(view, 'a question and its answers');
  });
}

test('nothing sticks out at 320 pixels', async () => {
  const view = await choosing({ viewport: { width: 320, height: 740 } });
  await ask(view, QUESTION, [...CHOICES.slice(0, 2), 'x'.repeat(90)]);
  await view.getByRole('button', { name: 'Show the numbers' }).click();
  assert.equal(await view.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
});
