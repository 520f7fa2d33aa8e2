import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, Word } from 'stillglass/client';
import { askedOf } from '../src/asked.ts';
import { together } from '../src/texts.ts';

const NAMES = ['Question', 'Answer'];
const word = (text: string, start: number): Word => ({ text, start, end: start + text.length, weights: {} });

test('of a question the reason is asked of the choice that is shown, about its words and the question\u2019s', () => {
  const text = together(['who ran', 'he', 'she']);
  const words = [word('who', 0), word('ran', 4), word('he', 8), word('she', 11)];
  const reading = { text, labels: ['he', 'she'], result: { label: 'he' } as Answer };
  const asked = askedOf(reading, words, 'she', NAMES);
  assert.deepEqual([asked.text, asked.asked, asked.label, asked.names], [text, together(['who ran', 'she']), 'she', ['Question', 'Answer 2']]);
  assert.deepEqual(asked.words.map((one) => one.text), ['who', 'ran', 'she']);
  assert.equal(asked.shown, words);
});

test('of any other text it is asked of the answer, whatever class is shown', () => {
  const words = [word('a', 0), word('b', 2)];
  for (const [text, names] of [['a b', undefined], [together(['a', 'b']), NAMES], [together(['a', 'b', 'c']), undefined]] as const) {
    const reading = { text, labels: ['up', 'down'], result: { label: 'up' } as Answer };
    const asked = askedOf(reading, words, 'down', names);
    assert.deepEqual([asked.asked, asked.label, asked.words, asked.names], [text, 'up', words, names]);
  }
});
