import assert from 'node:assert/strict';
import { test } from 'node:test';
import Papa from 'papaparse';
import type { Answer as Result, Word } from 'stillglass';
import type { Answer, Reader } from '../src/answer/answer.ts';
import { asCsv, asJson, asText, fileName, type Saved } from '../src/answer/record.ts';
import { moves, Removal, wordsOut } from '../src/answer/removal.ts';
import { centredWords, shares } from '../src/explain.ts';

const LABELS = ['up', '__proto__'];
const TEXT = '=cmd أخبار “利益”';

function word(text: string, up: number): Word {
  const start = TEXT.indexOf(text);
  // As the runtime makes them: a class may be called anything.
  return { text, start, end: start + text.length, weights: Object.fromEntries([['up', up], ['__proto__', -up]]) };
}

function classification(up: number): Result {
  const byClass = (a: number, b: number) => Object.fromEntries([['up', a], ['__proto__', b]]);
  return {
    label: up > 0.5 ? 'up' : '__proto__',
    scores: byClass(up, 1 - up),
    logits: [1.5, -1.5],
    tokens: 4,
    backend: 'cpu',
    ms: 0.5,
    bias: byClass(0.25, -0.25),
    explanation: { method: 'native', nodes: 0, completeness: 1e-8, remainder: byClass(0, 0) },
  };
}

function saved(teacher = false): Saved {
  const words = centredWords([word('cmd', -0.5), word('أخبار', 0.75), word('利益', 1)]);
  const reader = (name: Reader['name'], up: number): Reader => ({ name, result: classification(up), words });
  const answer: Answer = {
    text: TEXT,
    label: 'up',
    labels: LABELS,
    student: reader('Student', 0.75),
    teacher: teacher ? reader('Teacher', 0.25) : undefined,
    full: 1,
    atOdds: new Set(),
  };
  const out = { words: wordsOut(words, new Set([words[2]!.start])), after: new Map([['Student' as const, classification(0.25)]]) };
  return { answer, model: { name: 'Finance', id: 'finance' }, out, made: new Date(2026, 10, 5, 7, 8, 9), version: '0.1.0' };
}

/** The answer for a pair, and a reason. */
function pairSaved(): Saved {
  const text = 'a man\u001fno man';
  const at = (word: string, start: number, half?: 1): Word => ({ text: word, start, end: start + word.length, ...(half && { half }), weights: { up: start, ['__proto__']: 0 } });
  const words = [at('a', 0), at('man', 2), at('no', 6, 1), at('man', 9, 1)];
  const result = { ...classification(0.75), boundary: Object.fromEntries([['up', 0.5], ['__proto__', -0.5]]), truncated: { tokens: 9, from: 5, second: 6 }, ends: [5, 6] };
  const reason = { label: 'up', text: 'a man is no man', tokens: [] };
  const answer: Answer = { text, names: ['Premise', 'Hypothesis'], label: 'up', labels: LABELS, student: { name: 'Student', result, words }, full: 1, atOdds: new Set(), reason };
  return { ...saved(), answer, out: { words: wordsOut(words, new Set([9])), after: new Map([['Student' as const, classification(0.25)]]) } };
}

test('of a pair, JSON has both texts, each word\u2019s place in its own, what the boundary gave, and the reason with what it is worth', () => {
  const record = JSON.parse(asJson(pairSaved()));
  assert.deepEqual([record.text, record.texts], [['a man', 'no man'], ['Premise', 'Hypothesis']]);
  const [student] = record.readers;
  for (const { text, start, end, half = 0 } of student.words) assert.equal(record.text[half].slice(start, end), text);
  assert.deepEqual(student.words.map(({ half }: { half?: 1 }) => half), [undefined, undefined, 1, 1]);
  assert.deepEqual(student.boundary.map(({ value }: { value: number }) => value), [0.5, -0.5]);
  assert.deepEqual(student.truncated, { tokens: 9, from: 5, second: 6 });
  assert.deepEqual(record.without.words, [{ text: 'man', start: 3, end: 6, half: 1 }]);
  assert.deepEqual(record.without.readers[0].text, ['a man', 'no ']);
  assert.match(record.reason.about, /nothing makes it true/);
  assert.equal(record.reason.text, 'a man is no man');
});

test('of a pair, CSV and text say which text a word is of', () => {
  const [head, ...lines] = Papa.parse<string[]>(asCsv(pairSaved()), { skipEmptyLines: true }).data;
  assert.deepEqual(head?.slice(0, 7), ['reader', 'kind', 'text', 'of', 'from', 'to', 'removed']);
  assert.ok(lines.every((line) => line.length === head?.length));
  assert.deepEqual(lines[3]?.slice(1, 7), ['word', 'man', 'Hypothesis', '3', '6', 'yes']);
  assert.equal(lines[4]?.[1], 'boundary');
  const pasted = asText(pairSaved());
  assert.match(pasted, /^Premise: a man\nHypothesis: no man\n\n/);
  assert.match(pasted, /In words, for up: a man is no man\n\(Written by the same network/);
  assert.ok(!pasted.includes('\u001f'));
});

test('JSON has everything, and its figures add up', () => {
  const record = JSON.parse(asJson(saved(true)));
  assert.deepEqual([record.text, record.class, record.model], [TEXT, 'up', { name: 'Finance', id: 'finance' }]);
  assert.deepEqual(record.readers.map(({ reader, label }: { reader: string; label: string }) => [reader, label]), [['Student', 'up'], ['Teacher', '__proto__']]);
  const [student] = record.readers;
  for (const at of [0, 1]) {
    const parts = [...student.words.map(({ contributions }: { contributions: { value: number }[] }) => contributions), student.start, student.rest];
    const sum = parts.reduce((total: number, part: { value: number }[]) => total + part[at]!.value, 0);
    assert.ok(Math.abs(sum - student.score[at].value) < 1e-6);
    assert.equal(student.score[at].class, LABELS[at]);
  }
  for (const { text, start, end } of student.words) assert.equal(TEXT.slice(start, end), text);
  assert.deepEqual(record.without, {
    words: [{ text: '利益', start: 12, end: 14 }],
    readers: [{ reader: 'Student', text: '=cmd أخبار “”', label: '__proto__', scores: [{ class: 'up', value: 0.25 }, { class: '__proto__', value: 0.75 }] }],
  });
  assert.equal('without' in JSON.parse(asJson({ ...saved(), out: undefined })), false);
});

test('CSV has a line for every word and figure, and no formula', () => {
  const file = asCsv(saved(true));
  const { data } = Papa.parse<string[]>(file.trimEnd());
  const [head, first] = data;
  assert.deepEqual(head, ['reader', 'kind', 'text', 'from', 'to', 'removed', 'rank for up', 'share for up', 'up', '__proto__']);
  assert.deepEqual(first, ['Student', 'word', 'cmd', '1', '4', 'no', '3', '0.222222', '-0.5', '0.5']);
  assert.deepEqual(data.map(([, kind]) => kind), [
    'kind',
    ...['word', 'word', 'word', 'bias', 'score', 'probability', 'probability without the removed words'],
    ...['word', 'word', 'word', 'bias', 'score', 'probability'],
  ]);
  assert.equal(data[3]?.[5], 'yes');
  for (const row of data) assert.equal(row.length, head?.length);
  const hostile = saved();
  hostile.answer.student.words = [{ ...word('cmd', 1), text: '=1+1' }];
  assert.equal(Papa.parse<string[]>(asCsv(hostile)).data[1]?.[2], "'=1+1");
});

test('the text to paste names the strongest words of each side with their values', () => {
  assert.equal(
    asText(saved()),
    `${TEXT}\n\nStudent: Up (up 75%, __proto__ 25%)\nFor up: “利益” +1.00, “أخبار” +0.75\nAgainst up: “cmd” −0.50\n` +
      'Without the words taken out: __proto__ (up 25%, __proto__ 75%)\n\nTaken out: “利益”\n\nFinance model, Stillglass 0.1.0\n',
  );
});

test('names of files are made of letters, digits and dashes, whatever the model is called', () => {
  const named = (name: string) => fileName({ ...saved(), model: { name, id: '' } }, 'svg');
  assert.equal(named('Finance'), 'stillglass-Finance-2026-11-05-070809.svg');
  assert.equal(named('../..\\<b>|"x?'), 'stillglass-b-x-2026-11-05-070809.svg');
  assert.equal(named('اخبار ไทย'), 'stillglass-اخبار-ไทย-2026-11-05-070809.svg');
  assert.equal(named('***'), 'stillglass-model-2026-11-05-070809.svg');
  assert.ok(named('x'.repeat(500)).length < 80);
});

test('words go and come back, and are forgotten with their text', () => {
  let changes = 0;
  const removal = new Removal(() => changes++);
  removal.turnTo('finance', 'a b');
  removal.toggle(2);
  removal.toggle(0);
  assert.deepEqual([...removal.removed], [2, 0]);
  removal.toggle(2);
  removal.turnTo('finance', 'a b');
  assert.deepEqual([[...removal.removed], changes], [[0], 3]);
  removal.turnTo('spam', 'a b');
  assert.deepEqual([[...removal.removed], changes], [[], 4]);
  removal.turnTo('spam', 'a');
  assert.equal(changes, 4, 'nothing was out');
});

test('probabilities are set side by side, and shares are of all that the words gave', () => {
  assert.deepEqual(moves(LABELS, classification(0.75), classification(0.25)), [
    { label: 'up', before: 0.75, after: 0.25 },
    { label: '__proto__', before: 0.25, after: 0.75 },
  ]);
  assert.deepEqual(shares([word('cmd', -3), word('利益', 1)], 'up'), [0.75, 0.25]);
  assert.deepEqual(shares([word('cmd', 0)], 'up'), [0]);
});
