import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, Word } from 'stillglass/client';
import { rows } from '../src/explain.ts';
import { inOne, isPair, ownPlace, placed, shownTexts } from '../src/pair.ts';

const PAIR = 'a man\u001fno man';

function word(text: string, start: number, half?: 1): Word {
  return { text, start, end: start + text.length, ...(half && { half }), weights: { yes: 1 } };
}

/** As the package answers: places within each text. */
const ANSWER = { label: 'yes', words: [word('a', 0), word('man', 2), word('no', 0, 1), word('man', 3, 1)] } as Answer;

test('a text is a pair only if it is two and no more', () => {
  assert.deepEqual(['a', '', PAIR, '\u001f', 'a\u001fb\u001fc'].map(isPair), [false, false, true, true, false]);
  assert.equal(inOne(PAIR), 'a man\nno man');
  assert.equal(inOne('a\u001fb\u001fc'), 'a\u001fb\u001fc');
});

test('words get one place each in the page\u2019s text, and their own back', () => {
  const { words = [] } = placed(PAIR, ANSWER);
  assert.equal(new Set(words.map(({ start }) => start)).size, 4);
  for (const { text, start, end } of words) assert.equal(PAIR.slice(start, end), text);
  assert.deepEqual(words.map((found) => ownPlace(PAIR, found)), ANSWER.words!.map(({ start, end, half }) => ({ start, end, ...(half && { half }) })));
});

test('where reading stopped is told in the page\u2019s text', () => {
  const cut = (truncated: Answer['truncated']) => placed(PAIR, { ...ANSWER, ...(truncated && { truncated }) }).truncated;
  assert.equal(cut(undefined), undefined);
  assert.deepEqual(cut({ tokens: 9, from: 2 }), { tokens: 9, from: 2 });
  assert.deepEqual(cut({ tokens: 9, from: 3, half: 1 }), { tokens: 9, from: 9 });
});

test('both texts are shown whole, wherever reading stopped, and name words by their places in the list', () => {
  const { words = [] } = placed(PAIR, ANSWER);
  const shown = (cut: number | undefined) => shownTexts(PAIR, words.filter(({ end }) => end <= (cut ?? Infinity)), cut, true);
  for (const cut of [undefined, 0, 2, 5, 6, 8, 12]) {
    const whole = shown(cut).map(({ parts, unread }) => parts.map(({ text }) => text).join('') + unread);
    assert.deepEqual(whole, ['a man', 'no man'], String(cut));
    for (const { text, word: at } of shown(cut).flatMap(({ parts }) => parts)) if (at !== undefined) assert.equal(words[at]?.text, text);
  }
  assert.deepEqual(shown(undefined).map(({ parts }) => parts.map(({ word: at }) => at)), [[0, undefined, 1], [2, undefined, 3]]);
  assert.deepEqual(shown(8).map(({ unread }) => unread), ['', ' man']);
  assert.deepEqual(shown(2).map(({ unread }) => unread), ['man', 'no man']);
});

test('a single text is shown as it is, whatever is in it', () => {
  const [one, ...more] = shownTexts(PAIR, [word('a', 0)], 5, false);
  assert.deepEqual([one?.parts, one?.unread, more], [[{ text: 'a', word: 0 }, { text: ' man' }], '\u001fno man', []]);
});

test('the table has a row for the place between the texts, so that it adds up', () => {
  const byClass = (yes: number) => ({ yes, no: -yes });
  const words = [{ ...word('a', 0), weights: byClass(1) }, { ...word('b', 2, 1), weights: byClass(0.5) }];
  const result = { ...ANSWER, logits: [2, -2], bias: byClass(0.25), boundary: byClass(0.25) };
  const table = rows(result, words, ['yes', 'no']);
  assert.deepEqual(table.map(({ kind, half }) => [kind, half]), [['word', undefined], ['word', 1], ['boundary', undefined], ['bias', undefined], ['score', undefined]]);
  assert.equal(table.slice(0, -1).reduce((sum, { values }) => sum + (values[0] ?? 0), 0), table.at(-1)?.values[0]);
});
