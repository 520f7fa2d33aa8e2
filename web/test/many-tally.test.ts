import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joined } from 'stillglass/client';
import type { Answer, Word } from 'stillglass';
import { kept, readable } from '../src/many/answers.ts';
import { NO_LABEL } from '../src/many/protocol.ts';
import { Tally } from '../src/many/tally.ts';

const LABELS = ['up', 'down'];

function word(text: string, up: number): Word {
  return { text, start: 0, end: text.length, weights: { up, down: -up } };
}

function answer(label: string, words: Word[]): Answer {
  const scores = { up: label === 'up' ? 0.75 : 0.25, down: label === 'up' ? 0.25 : 0.75 };
  return { label, scores, logits: [], tokens: words.length, backend: 'cpu', words, ms: 1 };
}

test('words are summed by class whatever their case and however they are composed', () => {
  const tally = new Tally(LABELS);
  tally.addWords([word('Café', 1), word('loss', -2)]);
  tally.addWords([word('CAFE\u0301', 0.5), word('Loss', -1), word('once', 9)]);
  assert.deepEqual(tally.drivers(5), [
    [{ word: 'café', count: 2, total: 1.5 }],
    [{ word: 'loss', count: 2, total: 3 }],
  ]);
});

test('parts that were packed add up to the whole', () => {
  const whole = new Tally(LABELS);
  const sum = new Tally(LABELS);
  for (let batch = 0; batch < 5; batch++) {
    const part = new Tally(LABELS);
    const words = Array.from({ length: 40 }, (_, at) => word(`w${(at * (batch + 3)) % 11}`, (((at * 5) % 13) - 4) / 8));
    part.addWords(words);
    whole.addWords(words);
    sum.add(structuredClone(part.packed()));
  }
  assert.deepEqual(sum.drivers(20), whole.drivers(20));
  assert.ok(whole.drivers(20)[0]!.length > 3);
});

test('names of every object are words like others', () => {
  const tally = new Tally(LABELS);
  for (const text of ['constructor', '__proto__', 'toString']) tally.addWords([word(text, 1), word(text, 1)]);
  assert.deepEqual(tally.drivers(5)[0]!.map((driver) => driver.word).sort(), ['__proto__', 'constructor', 'tostring']);
});

test('with too many different words the rare ones are forgotten, and it is told', () => {
  const tally = new Tally(LABELS, 100);
  const part = new Tally(LABELS);
  for (let seen = 0; seen < 5; seen++) part.addWords([word('often', 1)]);
  tally.add(part.packed());
  assert.equal(tally.forgot, false);
  const rare = new Tally(LABELS);
  rare.addWords(Array.from({ length: 200 }, (_, at) => word(`rare${at}`, 1)));
  tally.add(rare.packed());
  assert.equal(tally.forgot, true);
  assert.deepEqual(tally.drivers(5)[0], [{ word: 'often', count: 5, total: 5 }]);
});

test('of each text the label, the scores and the strongest words are kept, and nothing of one without text', () => {
  const answers = [answer('up', [word('great', 2), word('bad', -1)]), answer('down', [word('bad', -3)])];
  const batch = kept(['great bad', ' \n', 'bad'], answers, { labels: LABELS, pairs: false });
  assert.deepEqual([...batch.labels], [0, NO_LABEL, 1]);
  assert.deepEqual([...batch.scores], [0.75, 0.25, 0, 0, 0.25, 0.75]);
  assert.deepEqual(batch.words, [
    { for: ['great'], against: ['bad'] },
    { for: [], against: [] },
    { for: ['bad'], against: [] },
  ]);
  assert.deepEqual(batch.tally.words, ['great', 'bad']);
  assert.deepEqual([...batch.tally.counts], [1, 2]);
  assert.deepEqual([...batch.tally.sums], [2, -2, -4, 4]);
});

test('a pair without one of its texts gets no label', () => {
  const texts = [['a', 'b'], ['a', ' '], ['', 'b'], ['c', 'd']].map(([first = '', second = '']) => joined([first, second]));
  assert.deepEqual(texts.map((text) => readable(text, true)), [true, false, false, true]);
  const answers = [answer('up', [word('a', 2)]), answer('down', [word('d', -3)])];
  assert.deepEqual([...kept(texts, answers, { labels: LABELS, pairs: true }).labels], [0, NO_LABEL, NO_LABEL, 1]);
});

test('of three classes that lean to one side, words are named and summed as they stand above the mean', () => {
  const labels = ['up', 'down', 'flat'];
  const lopsided = (text: string, up: number, down: number, flat: number): Word => ({ text, start: 0, end: text.length, weights: { up, down, flat } });
  const words = [lopsided('all', 6, 6, 6), lopsided('loss', 3, 9, 3), lopsided('rise', 2, -4, -4)];
  const scores = { up: 0.25, down: 0.5, flat: 0.25 };
  const one: Answer = { label: 'down', scores, logits: [], tokens: 3, backend: 'cpu', words, ms: 1 };
  const batch = kept(['all loss rise', 'all loss rise'], [one, one], { labels, pairs: false });
  assert.deepEqual(batch.words[0], { for: ['loss'], against: ['rise'] });
  assert.deepEqual(batch.tally.words, ['all', 'loss', 'rise']);
  assert.deepEqual([...batch.tally.sums], [0, 0, 0, -4, 8, -4, 8, -4, -4]);
});
