/** A model of pairs that gives reasons: the package's answers and reasons, its element, and the page's two sheets. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assertAccessible } from './access.mjs';
import { launch } from './browser.mjs';
import { done, drop, turnToMany } from './dropping.mjs';
import { saved } from './keeping.mjs';
import { madeUp } from './made-up.mjs';
import { bringModel, turnToModels, turnToText, visiting } from './page.mjs';
import { servePackage } from './site.mjs';

const STUDENT = fileURLToPath(new URL('../../web/models/finance.glass', import.meta.url));
const { folder, remove } = await madeUp();
const PAIR = path.join(folder, 'pair.glass');
const bytes = await readFile(PAIR);
/** A worker whose runtime traps at the third token that it tells, as often as the server says. */
const TRAPPING = `
  import '/pkg/dist/worker.js';
  const post = postMessage.bind(self);
  const traps = () => {
    const request = new XMLHttpRequest();
    request.open('GET', '/traps', false);
    request.send();
    return request.responseText === 'yes';
  };
  let tokens = 0;
  self.postMessage = (reply) => {
    if ('token' in reply && ++tokens === 3 && traps()) throw new WebAssembly.RuntimeError('unreachable');
    post(reply);
  };`;
/** How many of the next reasons are to trap. */
let traps = 0;
/** Texts of our own, with a word that both have. */
const TEXTS = ['The stock rose, and the fund rose.', 'The stock fell!'];
const WORDS = TEXTS.join(' ').match(/\w+|[^\w ]/g);

after(remove);

/** In the page: the package, and what tells how a promise ended. */
async function prepare() {
  const stillglass = await import('/pkg/dist/index.js');
  const refusal = (promise) => promise.then(() => 'an answer', (error) => (error instanceof Error ? `${error.code}: ${error.message}` : String(error)));
  const load = (name, options) => stillglass.Classifier.load(`/${name}.glass`, options);
  Object.assign(globalThis, { stillglass, refusal, load });
}

let site;
let browser;
let page;
let complaints;

before(async () => {
  const script = (_, response) => response.setHeader('Content-Type', 'text/javascript').end(TRAPPING);
  const left = (_, response) => response.end(traps-- > 0 ? 'yes' : 'no');
  site = await servePackage({ '/pair.glass': PAIR, '/student.glass': STUDENT, '/trapping-worker.js': script, '/traps': left });
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
  await page.goto(site.address);
  await page.evaluate(prepare);
});

afterEach(async () => {
  await page.close();
  assert.deepEqual(complaints, []);
});

for (const worker of [true, false]) {
  const place = worker ? 'in a worker' : 'on the page\u2019s thread';

  test(`${place}: a pair\u2019s words are those of its two texts, and add up with what stands between`, async () => {
    const { info, answer, alike, together, model } = await page.evaluate(async ([texts, worker]) => {
      const clf = await globalThis.load('pair', { worker });
      const bare = ({ ms, ...answer }) => answer;
      const model = await globalThis.stillglass.Model.load('/pair.glass');
      return {
        info: clf.info,
        answer: bare(await clf.classify(texts, { explain: true })),
        // A separator inside is a blank.
        alike: JSON.stringify([await clf.classify(['a\u001fb', 'c']), await clf.classify(['a b', 'c'])].map(({ logits }) => logits)),
        together: (await clf.classifyAll([texts, ['', ''], texts], { explain: true, backend: 'cpu' })).map(bare),
        model: model.classify(texts, { explain: true }),
      };
    }, [TEXTS, worker]);
    assert.deepEqual([info.pairs, info.reasons], [true, true]);
    for (const { text, start, end, half } of answer.words) assert.equal(TEXTS[half ?? 0].slice(start, end), text);
    assert.deepEqual(answer.words.map(({ text }) => text), WORDS);
    assert.deepEqual([...new Set(answer.words.map(({ half }) => half))], [undefined, 1]);
    info.labels.forEach((label, at) => {
      const words = answer.words.reduce((sum, word) => sum + word.weights[label], 0);
      const sum = words + answer.bias[label] + answer.boundary[label] + answer.explanation.remainder[label];
      assert.ok(Math.abs(sum - answer.logits[at]) < 1e-4, `${label}: ${sum} is not ${answer.logits[at]}`);
    });
    const [one, other] = JSON.parse(alike);
    assert.deepEqual(one, other);
    assert.deepEqual([together[0], together[2], model], [answer, answer, answer]);
    assert.deepEqual(together[1].words, []);
  });

  test(`${place}: what is no text for the model is refused, with what is`, async () => {
    const refusals = await page.evaluate(async (worker) => {
      const [pair, single] = [await globalThis.load('pair', { worker }), await globalThis.load('student', { worker })];
      const { refusal } = globalThis;
      return [
        await refusal(pair.classify('one')),
        await refusal(pair.classify('one\u001fother')),
        await refusal(pair.classify(['a', 'b', 'c'])),
        await refusal(pair.classify(['a', 7])),
        await refusal(pair.classifyAll(['a', 'b'])),
        await refusal(pair.classifyAll('a')),
        await refusal(pair.classify(['x'.repeat(600_000), 'x'.repeat(600_000)])),
        await refusal(pair.reason('one')),
        await refusal(single.classify(['a', 'b'])),
        await refusal(single.classifyAll([['a', 'b']])),
        await refusal(single.reason('a')),
        await refusal(pair.reason(['a', 'b'], { beams: 0 })),
        await refusal(pair.reason(['a', 'b'], { onToken: 'me' })),
        await refusal(pair.classify(['a', 'b'])),
      ];
    }, worker);
    const pairs = 'this model reads pairs; want [first, second], two strings, found';
    const single = 'want a string, found an array; this model reads single texts: give classifyAll many, or a pair to a model of pairs';
    assert.deepEqual(refusals, [
      `bad-argument: classify: ${pairs} string`,
      `bad-argument: classify: ${pairs} string`,
      `bad-argument: classify: ${pairs} an array of 3`,
      `bad-argument: classify: ${pairs} an array of something else`,
      `bad-argument: classifyAll, text 0: ${pairs} string`,
      'bad-argument: classifyAll: want an array of pairs, found string',
      'bad-argument: classify: both texts have 1200000 UTF-16 units, at most 1000000 are read; cut it first',
      `bad-argument: reason: ${pairs} string`,
      `bad-argument: classify: ${single}`,
      `bad-argument: classifyAll, text 0: ${single}`,
      'bad-argument: reason: this bundle gives no reasons in words (info.reasons); load one that was made with a decoder',
      'bad-argument: reason: beams: want a whole number from 1 on, found 0',
      'bad-argument: reason: onToken: want a function, found string',
      'an answer',
    ]);
  });

  test(`${place}: where reading stopped is told in the text it stopped in`, async () => {
    const [second, first] = await page.evaluate(async (worker) => {
      const clf = await globalThis.load('pair', { worker });
      const long = 'the stock rose '.repeat(400);
      return [await clf.classify(['the fund', long], { explain: true }), await clf.classify([long, 'the fund'], { explain: true })];
    }, worker);
    // The short text is read whole, whichever it is, and what is between them stays.
    const of = ({ words }, half) => words.filter((word) => word.half === half);
    const near = (place, word) => assert.ok(place >= word.end && place <= word.end + 1, `${place} ${JSON.stringify(word)}`);
    assert.deepEqual(of(second, undefined).map(({ text }) => text), ['the', 'fund']);
    assert.equal(second.truncated.from, 'the fund'.length);
    near(second.truncated.second, of(second, 1).at(-1));
    assert.deepEqual(of(first, 1).map(({ text }) => text), ['the', 'fund']);
    assert.equal(first.truncated.second, 'the fund'.length);
    near(first.truncated.from, of(first, undefined).at(-1));
    assert.deepEqual([Object.keys(first.boundary), first.tokens], [Object.keys(second.boundary), second.tokens]);
  });

  test(`${place}: a reason comes token by token, each with where it looked`, async () => {
    const { told, reason, answer, again, several, ofSeveral } = await page.evaluate(async ([texts, worker]) => {
      const clf = await globalThis.load('pair', { worker });
      const [told, ofSeveral] = [[], []];
      return {
        answer: await clf.classify(texts, { explain: true }),
        reason: await clf.reason(texts, { onToken: (token) => told.push(token) }),
        again: await clf.reason(texts),
        several: await clf.reason(texts, { beams: 4, onToken: (token) => ofSeveral.push(token) }),
        told,
        ofSeveral,
      };
    }, [TEXTS, worker]);
    assert.ok(reason.tokens.length > 0, 'the made-up decoder says something');
    assert.deepEqual([told, again, ofSeveral], [reason.tokens, reason, several.tokens]);
    assert.equal(reason.tokens.map(({ text }) => text).join(''), reason.text);
    assert.equal(reason.label, answer.label);
    for (const { probability, copied, attention } of [...reason.tokens, ...several.tokens]) {
      assert.ok(probability > 0 && probability <= 1 && copied >= 0 && copied <= 1);
      assert.equal(attention.length, answer.words.length);
      const sum = attention.reduce((total, share) => total + share, 0);
      assert.ok(sum <= 1 + 1e-4 && sum > 0, String(sum));
    }
  });

  test(`${place}: a reason is broken off, waits its turn, and ends with its classifier`, async () => {
    const endings = await page.evaluate(async ([texts, worker]) => {
      const clf = await globalThis.load('pair', { worker });
      const { refusal } = globalThis;
      const early = AbortSignal.abort('too early');
      const midway = new AbortController();
      let heard = 0;
      const stop = () => {
        heard++;
        midway.abort('enough');
      };
      const found = [await refusal(clf.reason(texts, { signal: early })), await refusal(clf.reason(texts, { signal: midway.signal, onToken: stop })), heard];
      found.push(await refusal(clf.reason(texts, { onToken: () => { throw new RangeError('mine'); } })));
      const order = [];
      const calls = [clf.reason(texts).then(() => order.push('reason')), clf.classify(texts).then(() => order.push('answer'))];
      await Promise.all(calls);
      found.push(order.join(), await refusal(clf.reason(texts)));
      const last = refusal(clf.reason(texts, { onToken: () => void clf.dispose() }));
      return [...found, (await last).split(':')[0], (await refusal(clf.reason(texts))).split(':')[0]];
    }, [TEXTS, worker]);
    assert.deepEqual(endings, ['too early', 'enough', 1, 'failed: mine', 'reason,answer', 'an answer', 'disposed', 'disposed']);
  });
}

test('written once more after a trap, no token is told twice; a second trap ends it', async () => {
  const ask = () =>
    page.evaluate(async (texts) => {
      const clf = await globalThis.load('pair', { worker: '/trapping-worker.js' });
      const told = [];
      const ending = await clf.reason(texts, { onToken: ({ text }) => told.push(text) }).then(({ tokens }) => tokens.map(({ text }) => text), ({ code }) => code);
      await clf.dispose();
      return { told, ending };
    }, TEXTS);
  traps = 1;
  const once = await ask();
  assert.ok(once.told.length >= 3);
  assert.deepEqual(once.told, once.ending);
  traps = 2;
  assert.deepEqual(await ask(), { told: once.told.slice(0, 2), ending: 'trapped' });
});

test('a model that is freed while it writes gives its memory back', async () => {
  const { ending, after, before } = await page.evaluate(async (texts) => {
    const { Model, memoryBytes, start } = globalThis.stillglass;
    await start();
    const bundle = new Uint8Array(await (await fetch('/pair.glass')).arrayBuffer());
    const round = () => {
      const model = new Model(bundle);
      try {
        model.reason(texts, { onToken: () => model.free() });
        return 'a reason';
      } catch ({ code }) {
        return code;
      }
    };
    round();
    const before = memoryBytes();
    let ending;
    for (let time = 0; time < 20; time++) ending = round();
    return { ending, before, after: memoryBytes() };
  }, TEXTS);
  assert.deepEqual([ending, after], ['freed', before]);
});

test('faithfulness, curves and removal take pairs', async () => {
  const found = await page.evaluate(async (texts) => {
    const metrics = await import('/pkg/dist/metrics.js');
    const clf = await globalThis.load('pair', { worker: false });
    const { words, label, scores } = await clf.classify(texts, { explain: true });
    const points = await metrics.deletionCurve(clf, texts);
    const { kept, deletion } = await metrics.curves(clf, texts, { orders: 1 });
    const none = await clf.classify(metrics.without(texts, words));
    return { words: words.length, points, kept, deletion, none: none.scores[label], all: scores[label], gone: metrics.without(texts, words.filter(({ half }) => half === 1)) };
  }, TEXTS);
  assert.equal(found.points.length, found.words + 1);
  assert.deepEqual([found.points[0].probability, found.points.at(-1).probability], [found.all, found.none]);
  assert.deepEqual([found.kept[0], found.kept.at(-1), found.deletion.probabilities.at(-1)], [0, found.words, found.all]);
  assert.deepEqual(found.gone, [TEXTS[0], '  ']);
});

test('the element reads the two elements in it, and says so where they are missing', async () => {
  const [first, second] = TEXTS;
  await page.evaluate(async (html) => {
    await import('/pkg/dist/element.js');
    document.body.insertAdjacentHTML('beforeend', html);
  }, `<stillglass-explain model="/pair.glass"><p>${first}</p>\n<p>${second}</p></stillglass-explain>`);
  const element = page.locator('stillglass-explain');
  await page.locator('stillglass-explain[data-state=answered]').waitFor({ state: 'attached' });
  const texts = () =>
    element.evaluate(({ shadowRoot }) =>
      [...shadowRoot.querySelectorAll('[part=text]')].map((text) => {
        const copy = text.cloneNode(true);
        copy.querySelectorAll('[part=value]').forEach((value) => value.remove());
        return copy.textContent;
      }),
    );
  assert.deepEqual(await texts(), TEXTS);
  await element.evaluate((host) => (host.pair = ['the fund', '<b>fell</b>']));
  await page.waitForFunction(() => document.querySelector('stillglass-explain').shadowRoot.querySelector('[part=text]')?.textContent.startsWith('the'));
  assert.deepEqual([await texts(), await element.evaluate(({ pair }) => pair)], [['the fund', '<b>fell</b>'], ['the fund', '<b>fell</b>']]);
  await element.evaluate((host) => (host.textContent = 'alone'));
  await page.locator('stillglass-explain[data-state=failed]').waitFor({ state: 'attached' });
  assert.match(await element.evaluate(({ shadowRoot }) => shadowRoot.querySelector('[part=error]').textContent), /reads pairs: put each of the two texts into an element of its own/);
});

// The page.

const visits = visiting();

/** A visit whose model is the made-up one. */
async function paired(options) {
  const visit = await visits.open(options);
  await turnToModels(visit.page);
  await bringModel(visit.page, 'pair.glass', bytes);
  await visit.page.getByRole('radio', { name: 'pair', exact: true, checked: true }).waitFor();
  await turnToText(visit.page);
  await visit.page.getByRole('textbox', { name: 'Second text' }).waitFor();
  return visit;
}

/** Writes both texts and waits until words and reason are about them. */
async function writeBoth(view, [first, second] = TEXTS) {
  await view.getByRole('textbox', { name: 'First text' }).fill(first);
  await view.getByRole('textbox', { name: 'Second text' }).fill(second);
  await view.waitForFunction((texts) => [...document.querySelectorAll('#words .half')].map(({ textContent }) => textContent).join('|') === texts.join('|'), [first, second]);
  await view.locator('#summary:not(.stale):not(:empty)').waitFor();
  await view.locator('#reason[data-at=done]').waitFor();
}

test('two sheets with names, an answer once both are written, words in both', async () => {
  const { page: view, complaints: own } = await paired();
  await view.getByRole('group', { name: 'What does your model make of this?' }).waitFor();
  await view.getByRole('textbox', { name: 'First text' }).fill(TEXTS[0]);
  await view.locator('#blank', { hasText: 'It takes both texts.' }).waitFor();
  await writeBoth(view);
  const groups = view.locator('#word-list').getByRole('group');
  assert.deepEqual(await groups.evaluateAll((halves) => halves.map((half) => half.getAttribute('aria-label'))), ['First text', 'Second text']);
  assert.equal(await groups.nth(1).getByRole('option').count(), 4);
  const heads = await view.locator('#numbers th[scope=rowgroup]').allTextContents();
  const rows = await view.locator('#numbers tbody tr:not(.text) th').allTextContents();
  assert.deepEqual([heads, rows], [['First text', 'Second text'], WORDS]);
  assert.deepEqual(await view.locator('#numbers tfoot th').allTextContents(), ['Between the texts', 'Before any word', 'Score']);
  // By arrow keys from the one text into the other.
  await groups.nth(0).getByRole('option').last().focus();
  await view.keyboard.press('ArrowRight');
  assert.equal(await view.evaluate(() => document.activeElement.closest('.half').dataset.name), 'Second text');
  await view.getByRole('button', { name: 'Swap the texts' }).click();
  await view.waitForFunction((second) => document.querySelector('#words .half').textContent === second, TEXTS[1]);
  await view.getByRole('textbox', { name: 'First text' }).fill('the stock rose '.repeat(200));
  await view.locator('#cut', { hasText: 'and both texts have' }).waitFor();
  assert.match(await view.locator('#cut').textContent(), /The faded rest was not read\.$/);
  const faded = await view.locator('#words .half').evaluateAll((texts) => texts.map((text) => text.querySelector('.unread') !== null));
  assert.deepEqual(faded, [true, false]);
  assert.match(await groups.nth(1).textContent(), new RegExp(`^${TEXTS[0]}$`));
  assert.notEqual(await groups.nth(1).getByRole('option').count(), 0, 'the second text is read whole');
  await view.getByRole('button', { name: 'Clear' }).click();
  await view.locator('#answer').waitFor({ state: 'hidden' });
  assert.deepEqual([await view.locator('#text').inputValue(), await view.locator('#second-text').inputValue()], ['', '']);
  assert.ok(await view.locator('#reason').isHidden());
  assert.deepEqual(own, []);
});

test('words of either text are taken out, and what is kept of the answer has both', async () => {
  const { page: view, complaints: own } = await paired();
  await writeBoth(view);
  const second = view.locator('#word-list').getByRole('group', { name: 'Second text' });
  await second.getByRole('option', { name: /^The:/ }).click();
  await view.locator('#moved-says', { hasText: 'Without “The”' }).waitFor();
  assert.deepEqual(await view.locator('#words .gone').count(), 1, 'not its like in the other text');
  await view.locator('#flip > summary').click();
  await view.locator('#flip-start').click();
  await view.locator('#flip-says:not(:empty)').waitFor();
  const record = JSON.parse((await saved(view, 'json')).text);
  assert.deepEqual([record.text, record.texts], [TEXTS, ['First text', 'Second text']]);
  assert.deepEqual(record.without.words, [{ text: 'The', start: 0, end: 3, half: 1 }]);
  assert.deepEqual(record.without.readers[0].text, [TEXTS[0], TEXTS[1].slice(3)]);
  assert.equal(record.reason.text, await view.locator('#reason-tokens').textContent().then((text) => text.trim()));
  for (const kind of ['csv', 'svg', 'html']) {
    const { text } = await saved(view, kind);
    assert.ok(text.includes('Second text') && !text.includes('\u001f'), kind);
  }
  assert.deepEqual(own, []);
});

test('the reason is written once typing pauses, spoken once, and each part shows where it looked', async () => {
  const { page: view, complaints: own } = await paired();
  await view.evaluate(() => {
    globalThis.spoken = [];
    const says = document.querySelector('#reason-says');
    new MutationObserver(() => says.textContent !== '' && globalThis.spoken.push(says.textContent)).observe(says, { childList: true });
  });
  await writeBoth(view);
  const list = view.getByRole('listbox', { name: /^The reason, part by part/ });
  const parts = list.getByRole('option');
  const text = (await list.textContent()).trim();
  assert.ok((await parts.count()) > 0 && text !== '');
  assert.deepEqual(await view.evaluate(() => globalThis.spoken), [`Its reason, in its own words: ${text}`]);
  assert.match(await view.locator('#reason-worth').textContent(), /Nothing makes it true or complete/);
  for (const part of await parts.all()) {
    const name = await part.getAttribute('aria-label');
    assert.match(name, /: looked at (nothing in particular|“[^”]+” <?\d+%, (first|second) text)/);
    assert.equal(await part.evaluate((element) => element.classList.contains('copied')), name.endsWith('; mostly copied'), name);
  }
  // One stop for Tab; arrow keys do the rest.
  assert.equal(await list.locator('[tabindex="0"]').count(), 1);
  const looks = () => view.locator('#words .word').evaluateAll((words) => words.map((word) => Number(word.style.getPropertyValue('--look'))));
  await parts.first().focus();
  await view.locator('.looking').waitFor();
  const seen = await looks();
  assert.ok(Math.max(...seen) === 1 && seen.length === WORDS.length, seen.join());
  const bar = await view.locator('#words .word').nth(seen.indexOf(1)).evaluate((word) => getComputedStyle(word).boxShadow);
  assert.notEqual(bar, 'none');
  assert.match(await view.locator('#reason-look').textContent(), /^“[^”]*” looked at .*\d+% sure of this part/);
  await view.keyboard.press('End');
  assert.equal(await list.locator('[aria-selected=true]').count(), 1);
  assert.equal(await parts.last().getAttribute('aria-selected'), 'true');
  await view.locator('#text').focus();
  assert.equal(await view.locator('.looking').count(), 0);
  assert.match(await view.locator('#reason-look').textContent(), /^Point at a part/);
  await parts.first().hover();
  await view.locator('.looking').waitFor();
  await view.mouse.move(5, 5);
  await view.waitForFunction(() => document.querySelector('.looking') === null);
  assert.deepEqual(own, []);
});

test('a newer text takes the place of a reason, another class does not, another model takes the panel away', async () => {
  const { page: view, complaints: own } = await paired();
  await writeBoth(view);
  await view.locator('input[name=class]:not(:checked)').first().check();
  await view.waitForTimeout(600);
  assert.equal(await view.locator('#reason').getAttribute('data-at'), 'done');
  const typing = view.locator('#second-text').pressSequentially(' and the fund', { delay: 30 });
  await view.locator('#reason[data-at=stale]').waitFor();
  await typing;
  await view.locator('#reason[data-at=done]').waitFor();
  await view.getByRole('radio', { name: 'Finance', exact: true }).check();
  await view.getByRole('radio', { name: /^Bullish/ }).waitFor();
  assert.deepEqual([await view.locator('#reason').isHidden(), await view.locator('#second-text').isHidden()], [true, true]);
  await view.getByRole('textbox', { name: 'Does this English news about a stock sound bullish or bearish?' }).fill('Shares surge');
  await view.locator('.verdict-label', { hasText: /^(Bearish|Bullish|Neutral)$/ }).waitFor();
  // Back again, what stood on the second sheet is still there.
  await view.getByRole('radio', { name: 'pair', exact: true }).check();
  await view.locator('#reason[data-at=done]').waitFor();
  assert.match(await view.locator('#second-text').inputValue(), /and the fund$/);
  assert.deepEqual(own, []);
});

test('a file of pairs is read by two columns, and a row opens on both sheets', async () => {
  const { page: view, complaints: own } = await paired();
  await turnToMany(view);
  await drop(view, 'pairs.csv', `id,premise,hypothesis\n1,"${TEXTS[0]}",${TEXTS[1]}\n2,the fund,\n3,the fund,it fell\n`);
  await view.locator('#columns:not([hidden])').waitFor();
  assert.deepEqual(await view.locator('.columns-choice label:not(.check)').allTextContents(), ['Column of “First text”', 'Column of “Second text”']);
  assert.deepEqual([await view.locator('#column').inputValue(), await view.locator('#second-column').inputValue()], ['premise', 'hypothesis']);
  await view.locator('#second-column').selectOption('premise');
  await view.locator('#column-note', { hasText: 'Choose two columns' }).waitFor();
  assert.ok(await view.locator('#start').isDisabled());
  await view.locator('#second-column').selectOption('hypothesis');
  await view.locator('#start').click();
  await done(view);
  assert.match(await view.locator('#notes').textContent(), /1 row holds no text/);
  await view.locator('#rows .open', { hasText: 'the fund / it fell' }).click();
  await view.waitForFunction(() => document.querySelector('#second-text').value === 'it fell');
  assert.equal(await view.locator('#text').inputValue(), 'the fund');
  await turnToMany(view);
  await drop(view, 'one.txt', 'only one\nand another\n');
  await view.locator('#column-note', { hasText: 'the file has one column' }).waitFor();
  assert.deepEqual(own, []);
});

for (const media of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { forcedColors: 'active' }]) {
  test(`axe finds nothing with a pair and its reason, ${Object.values(media).join()}`, async () => {
    const { page: view } = await paired(media);
    await writeBoth(view);
    await view.getByRole('button', { name: 'Show the numbers' }).click();
    await view.locator('#reason-tokens .token').first().focus();
    await assertAccessible(view, 'a pair and its reason');
  });
}

for (const width of [320, 768]) {
  test(`nothing sticks out at ${width} pixels`, async () => {
    const { page: view } = await paired({ viewport: { width, height: 740 } });
    await writeBoth(view, [TEXTS[0], `${'x'.repeat(90)} fell`]);
    await view.getByRole('button', { name: 'Show the numbers' }).click();
    await view.locator('#reason-tokens .token').last().focus();
    assert.equal(await view.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
  });
}
