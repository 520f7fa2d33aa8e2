/** The metrics on explanations whose figures can be worked out by hand, and on a model. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agreement, comprehensiveness, deletionCurve, sufficiency } from '../dist/metrics.js';

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
