import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, ChosenAnswer, Word } from 'stillglass/client';
import { withoutWords } from '../src/answer/without.ts';
import { rows } from '../src/explain.ts';
import { asClasses, choicesOf, inOne, isPair, isQuestion, asRead, namesOf, ownPlace, placed, shownTexts, textAt, together } from '../src/texts.ts';

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
  const { words = [] } = placed(PAIR, ANSWER, true);
  assert.equal(new Set(words.map(({ start }) => start)).size, 4);
  for (const { text, start, end } of words) assert.equal(PAIR.slice(start, end), text);
  assert.deepEqual(words.map((found) => ownPlace(PAIR, found)), ANSWER.words!.map(({ start, end, half }) => ({ start, end, ...(half && { half }) })));
});

test('where reading stopped is told of each text, and what was read is left of each', () => {
  const of = (truncated: Answer['truncated'], several: boolean) => placed(PAIR, { ...ANSWER, ...(truncated && { truncated }) }, several);
  assert.deepEqual([of(undefined, true).ends, of(undefined, false).ends], [undefined, undefined]);
  assert.deepEqual(of({ tokens: 9, from: 2, second: 3 }, true).ends, [2, 3]);
  assert.deepEqual(of({ tokens: 9, from: 7 }, false).ends, [7]);
  const read = (ends?: number[]) => asRead(PAIR, { ...(ends && { ends }) }, []).text;
  assert.deepEqual([read([2, 3]), read([5, 0]), read([7]), read()], ['a \u001fno ', 'a man\u001f', 'a man\u001fn', PAIR]);
  // A word behind what was not read is taken out where it is now.
  assert.equal(withoutWords(PAIR, { ends: [2, 6] }, [{ start: 9, end: 12 }]), 'a \u001fno ');
  assert.equal(withoutWords(PAIR, { ends: [2, 6] }, [{ start: 0, end: 1 }, { start: 6, end: 8 }]), ' \u001f man');
});

test('both texts are shown whole, wherever reading stopped, and name words by their places in the list', () => {
  const { words = [] } = placed(PAIR, ANSWER, true);
  const shown = (ends: readonly [number, number] | undefined) => {
    const read = ({ start, end }: Word) => ends === undefined || (start < 6 ? end <= ends[0] : end - 6 <= ends[1]);
    return shownTexts(PAIR, words.filter(read), ends, true);
  };
  for (const ends of [undefined, [0, 0], [2, 6], [5, 2], [2, 2], [5, 6]] as const) {
    const whole = shown(ends).map(({ parts, unread }) => parts.map(({ text }) => text).join('') + unread);
    assert.deepEqual(whole, ['a man', 'no man'], String(ends));
  }
  assert.deepEqual(shown(undefined).map(({ parts }) => parts.map(({ word: at }) => at)), [[0, undefined, 1], [2, undefined, 3]]);
  assert.deepEqual(shown([5, 2]).map(({ unread }) => unread), ['', ' man']);
  assert.deepEqual(shown([2, 6]).map(({ unread }) => unread), ['man', '']);
  // The words between were not read, so that the second text's come right after the first's.
  assert.deepEqual(shown([2, 6]).map(({ parts }) => parts.map(({ word: at }) => at)), [[0, undefined], [1, undefined, 2]]);
});

test('a single text is shown as it is, whatever is in it', () => {
  const [one, ...more] = shownTexts(PAIR, [word('a', 0)], [5], false);
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

test('of a question that is too long as many choices stay, each as far as it was read', () => {
  const cut = (truncated: ChosenAnswer['truncated']) => {
    const { truncated: told, ends, beside } = asClasses(QUESTION, { ...CHOSEN, ...(truncated && { truncated }) }, choicesOf(QUESTION));
    return [told, ends, beside];
  };
  assert.deepEqual(cut(undefined), [undefined, undefined, undefined]);
  // The question was read whole beside the choice that was not cut.
  assert.deepEqual(cut([{ choice: 0, tokens: 200, from: 3, second: 1 }, { choice: 1, tokens: 201, from: 2, second: 3 }]), [{ tokens: 201, from: 7 }, [7, 1, 3, 2], [3, 2, 7]]);
  const all = [0, 1, 2].map((choice) => ({ choice, tokens: 129, from: 3 + choice, second: 1 }));
  const [told, ends] = cut(all);
  assert.deepEqual([told, ends], [{ tokens: 129, from: 5 }, [5, 1, 1, 1]]);
  const words = [{ start: 0, end: 3 }, { start: QUESTION.length - 2, end: QUESTION.length - 1 }];
  assert.equal(asRead(QUESTION, { ends: [5, 1, 1, 1] }, []).text, together(['who r', 'h', 's', 'h']));
  assert.equal(withoutWords(QUESTION, { ends: [5, 1, 1, 1] }, words), together([' r', 'h', 's', '']));
});
