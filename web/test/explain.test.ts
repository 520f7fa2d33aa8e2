import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Classification, Word } from 'stillglass';
import { centred, centredWords, fullColour, ranks, rows, segments, strongest, tone } from '../src/explain.ts';

function word(text: string, start: number, up: number, down = 0): Word {
  return { text, start, end: start + text.length, weights: { up, down } };
}

test('centred values add up to nothing and keep their differences', () => {
  const values = centred({ up: 2, down: -1, flat: 0.5 });
  assert.ok(Math.abs(Object.values(values).reduce((a, b) => a + b)) < 1e-12);
  assert.ok(Math.abs(values['up']! - values['down']! - 3) < 1e-12);
  assert.deepEqual(centred({}), {});
});

test('the scale is mirror-symmetric, linear and ends at full colour', () => {
  assert.deepEqual(tone(1, 2), { side: 'for', strength: 0.5 });
  assert.deepEqual(tone(-1, 2), { side: 'against', strength: 0.5 });
  assert.deepEqual(tone(9, 2), { side: 'for', strength: 1 });
  assert.deepEqual(tone(0.01, 2), { side: 'neutral', strength: 0 });
});

test('a text that says nothing stays pale', () => {
  const faint = [word('the', 0, 0.04)];
  assert.ok(tone(0.04, fullColour(faint)).strength < 0.1);
  assert.equal(fullColour([word('crash', 0, -3)]), 3);
});

test('full colour is one for all classes', () => {
  assert.equal(fullColour([word('rise', 0, 1, -4)]), 4);
});

test('segments give the text back, whatever lies between words', () => {
  const text = '  👍🏽 “up”\n\tשלום! ';
  const words = [word('👍🏽', 2, 1), word('up', 8, 1), word('שלום', 13, 1)];
  const parts = segments(text, words);
  assert.equal(parts.map((part) => part.text).join(''), text);
  assert.deepEqual(
    parts.filter((part) => part.word !== undefined).map((part) => part.text),
    ['👍🏽', 'up', 'שלום'],
  );
  assert.deepEqual(segments('', []), []);
  assert.deepEqual(segments('—', []), [{ text: '—' }]);
});

test('ranks follow strength for the class, not sign', () => {
  assert.deepEqual(ranks([word('a', 0, 0.1), word('b', 2, -2), word('c', 4, 1)], 'up'), [3, 1, 2]);
});

test('the sentence names strong words once each, at most three a side', () => {
  const words = ['gain', 'Gain', 'jump', 'leap', 'soar'].map((text, at) => word(text, at * 5, 3 - at / 10));
  words.push(word('debt', 30, -1), word('the', 36, 0.1));
  assert.deepEqual(strongest(words, 'up'), { for: ['gain', 'jump', 'leap'], against: ['debt'] });
  assert.deepEqual(strongest([word('the', 0, 0.05)], 'up'), { for: [], against: [] });
});

test('rows of the table add up to its last line', () => {
  const words = [word('rise', 0, 1.5, -0.5), word('fall', 5, -0.25, 0.5)];
  const result: Classification = {
    label: 'up',
    scores: { up: 0.8, down: 0.2 },
    logits: [1.35, 0.2],
    tokens: 2,
    backend: 'cpu',
    words,
    bias: { up: 0.1, down: 0.2 },
  };
  const table = rows(result, centredWords(words), ['up', 'down']);
  assert.deepEqual(table.map(({ kind }) => kind), ['word', 'word', 'bias', 'score']);
  const score = table.pop()!;
  score.values.forEach((value, at) => {
    const sum = table.reduce((total, row) => total + row.values[at]!, 0);
    assert.ok(Math.abs(sum - value!) < 1e-9);
  });
});
