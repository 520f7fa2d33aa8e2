import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Word } from 'stillglass';
import { agreement, atOdds, besides } from '../src/agreement.ts';
import type { Row } from '../src/explain.ts';

/** Words of one letter, a blank apart, with these weights for the class `up`. */
function words(...weights: number[]): Word[] {
  return weights.map((up, at) => ({ text: 'x', start: 2 * at, end: 2 * at + 1, weights: { up, down: -up } }));
}

test('the same weights on another scale agree in everything', () => {
  const found = agreement(words(3, -2, 1, 0, 0), words(0.3, -0.2, 0.1, 0, 0), 'up');
  assert.ok(Math.abs(found.cosine! - 1) < 1e-12);
  assert.deepEqual({ ...found, cosine: 1 }, { cosine: 1, k: 3, shared: 3, chance: 0.6 });
});

test('opposite weights have a cosine of minus one, and the same strongest words', () => {
  const found = agreement(words(3, -2, 1, 0), words(-3, 2, -1, 0), 'up');
  assert.ok(Math.abs(found.cosine! + 1) < 1e-12);
  assert.equal(found.shared, 3);
});

test('words that have nothing to do with each other: cosine zero, and what is in common is counted', () => {
  const found = agreement(words(9, 8, 7, 0, 0, 0), words(0, 0, 7, -8, -9, 0), 'down');
  assert.ok(found.cosine! > 0 && found.cosine! < 0.3);
  assert.deepEqual([found.k, found.shared, found.chance], [3, 1, 0.5]);
  assert.equal(agreement(words(1, 0), words(0, 1), 'up').cosine, 0);
});

test('chance is what shuffled words would have in common', () => {
  let total = 0;
  let rounds = 0;
  const values = [5, 4, 3, 2, 1];
  // Every order of the second list.
  const permute = (rest: number[], taken: number[]): void => {
    if (rest.length === 0) {
      total += agreement(words(...values), words(...taken), 'up').shared;
      rounds++;
    }
    rest.forEach((value, at) => permute(rest.filter((_, other) => other !== at), [...taken, value]));
  };
  permute(values, []);
  const { k, chance } = agreement(words(...values), words(...values), 'up');
  assert.ok(Math.abs(total / rounds / k - chance) < 1e-9);
});

test('few words, no words and no weights are no trouble', () => {
  assert.deepEqual(agreement([], [], 'up'), { cosine: undefined, k: 0, shared: 0, chance: 0 });
  assert.deepEqual(agreement(words(1, 2), words(2, 1), 'up').chance, 1);
  assert.equal(agreement(words(0, 0), words(1, 2), 'up').cosine, undefined);
});

test('only words that both have read are compared, wherever each stopped', () => {
  const long = words(1, 2, 3, 4, 5, 6, 7);
  const found = agreement(long, long.slice(0, 4), 'up');
  assert.deepEqual([found.k, found.shared, found.chance], [3, 3, 0.75]);
  // A word that one of them cuts elsewhere is not the same word.
  const cut = long.slice(0, 4).map((word, at) => (at === 3 ? { ...word, end: word.end + 1 } : word));
  assert.equal(agreement(long, cut, 'up').chance, 1);
});

test('at odds are opposite sides, and weights more than half the scale apart', () => {
  const student = words(2, 2, 0.05, 1, -2, 0.3);
  const teacher = words(2, 0.5, -0.05, 0.5, 0.4, -0.3);
  assert.deepEqual([...atOdds(student, teacher, 'up', 2)], [2, 8, 10]);
  assert.deepEqual(atOdds(teacher, student, 'up', 2), atOdds(student, teacher, 'up', 2));
  assert.equal(atOdds(student, student, 'up', 2).size, 0);
});

test('a table of both keeps reading order and leaves gaps', () => {
  const row = (kind: Row['kind'], start: number, value: number): Row => ({ kind, start, text: 'x', values: [value] });
  const student = [row('word', 0, 1), row('word', 2, 2), row('bias', 0, 3), row('score', 0, 6)];
  const teacher = [row('word', 0, 7), row('word', 4, 8), row('bias', 0, 9), row('rest', 0, 1), row('score', 0, 25)];
  const found = besides(student, teacher, 1);
  assert.deepEqual(found.map(({ kind, start }) => `${kind} ${start}`), [
    'word 0', 'word 2', 'word 4', 'bias 0', 'rest 0', 'score 0',
  ]);
  assert.deepEqual(found.map(({ values }) => values), [
    [1, 7], [2, undefined], [undefined, 8], [3, 9], [undefined, 1], [6, 25],
  ]);
});
