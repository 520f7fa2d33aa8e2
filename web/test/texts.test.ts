import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, ChosenAnswer, Word } from 'stillglass/client';
import { rows } from '../src/explain.ts';
import { asClasses, choicesOf, inOne, isPair, isQuestion, namesOf, ownPlace, placed, readUntil, shownTexts, textAt, together } from '../src/texts.ts';

const PAIR = 'a man\u001fno man';

function word(text: string, start: number, half?: 1): Word {
  return { text, start, end: start + text.length, ...(half && { half }), weights: { yes: 1 } };
}

/** As the package answers: places within each text. */
const ANSWER = { label: 'yes', words: [word('a', 0), word('man', 2), word('no', 0, 1), word('man', 3, 1)] } as Answer;

test('a text is a pair only if it is two and no more', () => {
  assert.deepEqual(['a', '', PAIR, '\u001f', 'a\u001fb\u001fc'].map(isPair), [false, false, true, true, false]);
  assert.equal(inOne(PAIR), 'a man\nno man');
  assert.deepEqual(['a', PAIR, 'a\u001fb\u001fc'].map(isQuestion), [false, false, true]);
  assert.equal(inOne('a\u001fb\u001fc'), 'a\nb\nc');
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
  assert.deepEqual(table.map(({ kind }) => kind), ['word', 'word', 'boundary', 'bias', 'score']);
  assert.equal(table.slice(0, -1).reduce((sum, { values }) => sum + (values[0] ?? 0), 0), table.at(-1)?.values[0]);
});

const QUESTION = together(['who ran', 'he', 'she\u001f', 'he']);

/** As the package answers: by the places of the choices. */
const CHOSEN: ChosenAnswer = {
  choice: 1,
  scores: [0.25, 0.5, 0.25],
  logits: [1, 2, 1],
  tokens: 9,
  backend: 'cpu',
  ms: 1,
  words: [
    { text: 'who', start: 0, end: 3, weights: [0.5, 0.25, 0] },
    { text: 'ran', start: 4, end: 7, weights: [0, 1, 0.5] },
    { text: 'he', start: 0, end: 2, choice: 0, weights: [0.25, 0, 0] },
    { text: 'she', start: 0, end: 3, choice: 1, weights: [0, 0.5, 0] },
    { text: 'he', start: 0, end: 2, choice: 2, weights: [0, 0, 0.25] },
  ],
  bias: [0.25, 0.25, 0.25],
  boundary: [0, 0, 0],
  explanation: { method: 'native', nodes: 0, completeness: 0, remainder: [0, 0, 0] },
};

test('the choices of a question are classes, each with a name of its own', () => {
  const names = choicesOf(QUESTION);
  assert.deepEqual(names, ['he', 'she ', 'he (2)']);
  assert.deepEqual(choicesOf(together(['?', 'he', 'he (2)', 'he', 'he'])), ['he', 'he (2)', 'he (3)', 'he (4)']);
  assert.deepEqual(namesOf(QUESTION, ['Question', 'Answer']), ['Question', 'Answer 1', 'Answer 2', 'Answer 3']);
  assert.deepEqual([namesOf(PAIR, ['A', 'B']), namesOf(QUESTION, undefined)], [['A', 'B'], undefined]);
  const answer = asClasses(QUESTION, CHOSEN, names);
  assert.deepEqual([answer.label, answer.scores], ['she ', { he: 0.25, 'she ': 0.5, 'he (2)': 0.25 }]);
  const words = answer.words ?? [];
  for (const { text, start, end } of words) assert.equal(QUESTION.slice(start, end), text);
  assert.deepEqual(words.map(({ start }) => textAt(QUESTION, start)), [0, 0, 1, 2, 3]);
  assert.deepEqual(words.map((word) => ownPlace(QUESTION, word)), CHOSEN.words!.map(({ start, end, choice }) => ({ start, end, ...(choice !== undefined && { choice }) })));
  // The table adds up to the scores, less their mean.
  const table = rows(answer, words, names);
  const mean = 4 / 3;
  const centred = table.slice(0, -1).reduce((sum, { values }) => sum + (values[1] ?? 0), 0);
  // Words are not centred here, bias and boundary are.
  assert.ok(Math.abs(centred - 1.75) < 1e-12, String(centred));
  assert.ok(Math.abs((table.at(-1)?.values[1] ?? 0) - (2 - mean)) < 1e-12);
  const shown = shownTexts(QUESTION, words, undefined, true);
  assert.deepEqual(shown.map(({ parts }) => parts.map(({ word: at }) => at).filter((at) => at !== undefined)), [[0, 1], [2], [3], [4]]);
});

test('of a question that is too long as many choices stay, with nothing in them', () => {
  assert.equal(readUntil(QUESTION, 3), together(['who', '', '', '']));
  assert.equal(readUntil(QUESTION, QUESTION.length), QUESTION);
  assert.equal(readUntil(QUESTION, undefined), QUESTION);
  assert.equal(readUntil(PAIR, 2), 'a ');
  const cut = (truncated: ChosenAnswer['truncated']) => asClasses(QUESTION, { ...CHOSEN, ...(truncated && { truncated }) }, choicesOf(QUESTION)).truncated;
  assert.deepEqual(cut([{ choice: 0, tokens: 200, from: 3 }, { choice: 1, tokens: 201, from: 3 }]), { tokens: 201, from: 3 });
  // A choice's end alone is missing: nothing is faded.
  assert.deepEqual(cut([{ choice: 2, tokens: 129, from: 1, half: 1 }]), { tokens: 129, from: QUESTION.length });
});
