/** The metrics on explanations whose figures can be worked out by hand, and on a model. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agreement, asRead, comprehensiveness, curves, deletionCurve, quantile, sufficiency, without } from '../dist/metrics.js';

/** An explanation of `a b c …` with one class. */
const words = (...weights) =>
  weights.map((weight, at) => ({ text: 'abcdefgh'[at], start: 2 * at, end: 2 * at + 1, weights: { yes: weight } }));

/** Says yes to a text by the letters in it: a counts four, b two, c one, of seven. */
const letters = {
  classifyAll(texts, { explain } = {}) {
    const worth = { a: 4, b: 2, c: 1 };
    return texts.map((text) => {
      const yes = [...text].reduce((sum, letter) => sum + (worth[letter] ?? 0), 0) / 7;
      return { label: 'yes', scores: { yes, no: 1 - yes }, ...(explain && { words: words(4, 2, 1, 0) }) };
    });
  },
};

const close = (found, wanted) => assert.ok(Math.abs(found - wanted) < 1e-12, `${found}, not ${wanted}`);

test('agreement of an explanation with itself, its opposite and another', () => {
  const one = words(3, -2, 1, 0.5);
  const same = agreement(one, one, 'yes');
  for (const measure of ['cosine', 'feature', 'sign', 'signedRank', 'spearman']) close(same[measure], 1);
  assert.deepEqual([same.top, same.chance], [3, 0.75]);
  const opposite = agreement(one, words(-3, 2, -1, -0.5), 'yes');
  close(opposite.cosine, -1);
  close(opposite.spearman, -1);
  assert.deepEqual([opposite.feature, opposite.sign, opposite.signedRank], [1, 0, 0]);
  // Tops of two: a, b against a, c, which differ in the second place; ranks 4 1 3 2 against 4 2 1 3.
  const other = agreement(one, words(3, 0, -2, 1), 'yes', 2);
  assert.deepEqual([other.feature, other.sign, other.signedRank], [0.5, 0.5, 0.5]);
  close(other.spearman, 1 - (6 * (0 + 1 + 4 + 1)) / (4 * 15));
  close(other.cosine, (9 - 2 + 0.5) / Math.sqrt((9 + 4 + 1 + 0.25) * (9 + 4 + 1)));
});

test('equal weights share the mean of their ranks', () => {
  // Ranks 3.5 3.5 1.5 1.5 against 4 3 2 1.
  close(agreement(words(1, 1, 0, 0), words(4, 3, 2, 1), 'yes').spearman, 4 / Math.sqrt(4 * 5));
});

test('only words that both have read are compared, and no measure is made up', () => {
  const one = words(3, -2, 1);
  close(agreement(one, [...one, { text: 'far', start: 90, end: 93, weights: { yes: 9 } }], 'yes').cosine, 1);
  assert.equal(agreement(words(1), words(1), 'yes'), undefined);
  assert.equal(agreement(words(0, 0), words(1, 2), 'yes'), undefined);
  assert.equal(agreement(words(2, 2), words(1, 2), 'yes'), undefined);
  assert.equal(agreement(one, one, 'no such class'), undefined);
});

test('comprehensiveness takes the strongest words away, sufficiency leaves them alone', async () => {
  const gone = await comprehensiveness(letters, 'a b c d');
  assert.equal(gone.label, 'yes');
  gone.values.forEach((value, at) => close(value, [4, 4, 4, 4, 6][at] / 7));
  close(gone.mean, 22 / 35);
  const alone = await sufficiency(letters, 'a b c d', { shares: [0.25, 0.5, 1] });
  alone.values.forEach((value, at) => close(value, [3, 1, 0][at] / 7));
  const backwards = await comprehensiveness(letters, 'a b c d', { shares: [0.25], words: words(0, 1, 2, 3) });
  close(backwards.mean, 0);
});

test('the deletion curve goes from the whole text to none of its words', async () => {
  const curve = await deletionCurve(letters, 'a b c d');
  assert.deepEqual(curve.map(({ removed }) => removed), [0, 1, 2, 3, 4]);
  curve.forEach(({ probability }, at) => close(probability, [7, 3, 1, 0, 0][at] / 7));
  const other = await deletionCurve(letters, 'a b c d', { label: 'no' });
  close(other[0].probability, 0);
});

test('a class that is none is refused with those there are', async () => {
  await assert.rejects(comprehensiveness(letters, 'a', { label: 'maybe' }), {
    code: 'bad-argument',
    message: 'faithfulness: no class "maybe"; the model has yes, no',
  });
});

test('numbers and classes that are none are refused', async () => {
  const refused = { code: 'bad-argument' };
  await assert.rejects(async () => comprehensiveness(letters, 'a b', { label: 'toString' }), refused);
  for (const shares of [[], [-0.5], [2], [NaN]]) await assert.rejects(async () => sufficiency(letters, 'a b', { shares }), refused);
  for (const options of [{ orders: Infinity }, { orders: -1 }, { steps: 0 }, { steps: NaN }]) await assert.rejects(async () => curves(letters, 'a b', options), refused);
  for (const k of [0, -1, 1.5]) assert.throws(() => agreement(words(1), words(1), 'yes', k), refused);
});

test('a text without words keeps what stood between them, whatever the script', () => {
  const text = '“السوق” 涨了，👍🏽 up';
  const all = [
    { start: 1, end: 6 },
    { start: 8, end: 10 },
    { start: 16, end: 18 },
  ];
  assert.equal(without(text, all), '“” ，👍🏽 ');
  assert.equal(without(text, [all[2], all[0]]), '“” 涨了，👍🏽 ');
  assert.equal(without(text, []), text);
});

test('of a pair, words go from the text that they are in', async () => {
  const pair = ['a man', 'a man'];
  assert.deepEqual(without(pair, [{ start: 2, end: 5, half: 1 }]), ['a man', 'a ']);
  assert.deepEqual(without(pair, [{ start: 2, end: 5, half: 1 }, { start: 0, end: 1 }]), [' man', 'a ']);
  const cut = (truncated) => asRead(pair, { truncated });
  assert.deepEqual([cut(undefined), cut({ tokens: 9, from: 1, second: 5 }), cut({ tokens: 9, from: 5, second: 1 })], [pair, ['a', 'a man'], ['a man', 'a']]);
  const asked = [];
  const pairs = {
    classifyAll(texts, options) {
      asked.push(...texts);
      const own = [{ ...words(1)[0] }, { ...words(2)[0], half: 1 }];
      return letters.classifyAll(texts.map(String), options).map((answer) => ({ ...answer, ...(answer.words && { words: own }) }));
    },
  };
  await deletionCurve(pairs, ['a b', 'a c']);
  assert.deepEqual(asked.slice(1), [['a b', 'a c'], ['a b', ' c'], [' b', ' c']]);
});

test('words at one place of the two texts of a pair are not the same word', () => {
  const both = [...words(3, -2), ...words(1, 4).map((word) => ({ ...word, half: 1 }))];
  const swapped = [...words(1, 4), ...words(3, -2).map((word) => ({ ...word, half: 1 }))];
  close(agreement(both, both, 'yes').cosine, 1);
  close(agreement(both, swapped, 'yes').cosine, (3 - 8 + 3 - 8) / (9 + 4 + 1 + 16));
});

test('what the model did not read stays out when words are taken out', async () => {
  const asked = [];
  const short = {
    classifyAll(texts, options) {
      asked.push(...texts);
      return letters.classifyAll(texts, options).map((answer) => ({ ...answer, truncated: { tokens: 9, from: 7 } }));
    },
  };
  await deletionCurve(short, 'a b c d and a far end');
  assert.deepEqual(asked.slice(1), ['a b c d', ' b c d', '  c d', '   d', '   ']);
});

test('insertion and deletion share their ends, and lie on both sides of random orders', async () => {
  const heard = [];
  const found = await curves(letters, 'a b c d', { onProgress: (progress) => heard.push(progress) });
  assert.deepEqual([found.label, found.kept], ['yes', [0, 1, 2, 3, 4]]);
  found.insertion.probabilities.forEach((value, at) => close(value, [0, 4, 6, 7, 7][at] / 7));
  found.deletion.probabilities.forEach((value, at) => close(value, [0, 0, 1, 3, 7][at] / 7));
  // Trapezoids of width 1/4.
  close(found.insertion.area, (0 / 2 + 4 + 6 + 7 + 7 / 2) / 28);
  close(found.deletion.area, (0 / 2 + 0 + 1 + 3 + 7 / 2) / 28);
  assert.equal(found.random.length, 20);
  const areas = found.random.map(({ area }) => area);
  assert.ok(Math.min(...areas) >= found.deletion.area && Math.max(...areas) <= found.insertion.area);
  assert.ok(new Set(areas).size > 5, 'the orders differ');
  assert.deepEqual(heard.at(-1), { done: 110, total: 110 });
});

test('random orders take every word as often first, and a seed gives the same ones again', async () => {
  const many = await curves(letters, 'a b c d', { orders: 4000 });
  const first = many.random.map(({ probabilities }) => Math.round(7 * probabilities[1]));
  // Each of a thousand to be expected, with a standard deviation of 27.
  for (const worth of [4, 2, 1, 0]) {
    const times = first.filter((value) => value === worth).length;
    assert.ok(Math.abs(times - 1000) < 140, `${worth}: ${times} times`);
  }
  const again = await curves(letters, 'a b c d', { orders: 4000 });
  assert.deepEqual(again, many);
  assert.notDeepEqual(await curves(letters, 'a b c d', { orders: 4000, seed: 2 }), many);
});

test('of a long text several words come at once, and a text without words has one point', async () => {
  const few = await curves(letters, 'a b c d', { steps: 3, orders: 1 });
  assert.deepEqual(few.kept, [0, 1, 3, 4]);
  // Trapezoids of widths 1/4, 1/2 and 1/4.
  close(few.insertion.area, ((0 + 4) / 8 + (4 + 7) / 4 + (7 + 7) / 8) / 7);
  const none = await curves(letters, 'abc', { words: [], orders: 1 });
  assert.deepEqual([none.kept, none.insertion], [[0], { probabilities: [1], area: 1 }]);
});

test('curves are stopped by their signal', async () => {
  const stop = new AbortController();
  const asked = [];
  const model = {
    classifyAll(texts, { signal, ...options } = {}) {
      signal.throwIfAborted();
      asked.push(texts.length);
      if (asked.length === 3) stop.abort(new Error('enough'));
      return letters.classifyAll(texts, options);
    },
  };
  await assert.rejects(curves(model, 'a b c d', { signal: stop.signal }), { message: 'enough' });
  assert.deepEqual(asked, [1, 5, 5]);
});

test('quantiles lie between two values in proportion', () => {
  const values = [4, 1, 3, 2];
  assert.deepEqual([0, 0.5, 1].map((share) => quantile(values, share)), [1, 2.5, 4]);
  close(quantile(values, 0.1), 1.3);
  assert.deepEqual(values, [4, 1, 3, 2]);
});
