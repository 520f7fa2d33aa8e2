import assert from 'node:assert/strict';
import { test } from 'node:test';
import Papa from 'papaparse';
import { added, csvHead, csvRows, jsonRows } from '../src/many/export.ts';
import { Ledger, type Judged } from '../src/many/ledger.ts';
import { NO_LABEL, type Answers, type Row } from '../src/many/protocol.ts';

const LABELS = ['up', 'down'];

function judged(row: Row, label: string | undefined = 'up'): Judged {
  return { row, for: ['great'], against: [], label, scores: [0.75, 0.25] };
}

test('cells that a spreadsheet would calculate begin with an apostrophe, the others are untouched', () => {
  const formulas = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '=1\n+cmd', '＝1', '-'];
  const harmless = ['a=1', "'=1", ' =1', '', '1', '−1', '"q", and more', 'é\n漢字', '\u202e=1'];
  const heading = { columns: ['=col'], labels: LABELS };
  for (const text of [...formulas, ...harmless]) {
    const file = csvHead(heading) + csvRows([judged([text])], heading);
    const [head, row] = Papa.parse<string[]>(file).data;
    assert.equal(head?.[0], "'=col");
    assert.equal(row?.[0], formulas.includes(text) ? `'${text}` : text);
    assert.deepEqual(row?.slice(1), ['up', '0.75', '0.25', 'great', '']);
  }
});

test('the words and labels that are added are defused as well', () => {
  const heading = { columns: ['text'], labels: ['=up', 'down'] };
  const file = csvHead(heading) + csvRows([{ ...judged(['a']), label: '=up', for: ['=x'], against: ['@y'] }], heading);
  assert.deepEqual(Papa.parse<string[]>(file).data[1], ['a', "'=up", '0.75', '0.25', "'=x", "'@y"]);
});

test('rows with fewer or more cells, and without a text, keep their columns', () => {
  const heading = { columns: ['text', 'b'], labels: LABELS };
  assert.equal(csvRows([judged(['a'])], heading), 'a,,up,0.75,0.25,great,\r\n');
  assert.equal(csvRows([{ ...judged(['', 'x'], undefined), for: [] , label: undefined }], heading), ',x,,,,,\r\n');
});

test('a column of the file that is called like an added one is kept beside it', () => {
  const heading = { columns: ['text', 'label'], labels: LABELS };
  assert.deepEqual(added(heading), ['stillglass label', 'stillglass score up', 'stillglass score down', 'stillglass words for', 'stillglass words against']);
  const line = JSON.parse(jsonRows([judged({ text: 'a', label: 'gold' })], heading)) as Record<string, unknown>;
  assert.equal(line['label'], 'gold');
  assert.equal(line['stillglass label'], 'up');
});

test('JSONL keeps what the file has, nested values and hostile keys included', () => {
  const row = JSON.parse('{"text":"=1","n":{"x":[1]},"__proto__":{"polluted":true}}') as Row;
  const line = jsonRows([judged(row)], { columns: ['text', 'n', '__proto__'], labels: LABELS });
  assert.equal(line, '{"text":"=1","n":{"x":[1]},"__proto__":{"polluted":true},"label":"up","score up":0.75,"score down":0.25,"words for":["great"],"words against":[]}\n');
  const cells = jsonRows([judged(['a', 'b'])], { columns: ['text', '__proto__'], labels: LABELS });
  assert.ok(cells.includes('"__proto__":"b"'));
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

function answers(labels: number[], up: number[]): Answers {
  return {
    labels: Uint16Array.from(labels),
    scores: Float32Array.from(up.flatMap((score) => [score, 1 - score])),
    words: labels.map(() => ({ for: [], against: [] })),
    cut: 0,
    tally: { words: [], counts: new Uint32Array(), sums: new Float64Array() },
  };
}

test('the ledger sorts by label and score, rows without a text last, and gives rows back by place', async () => {
  const ledger = new Ledger(LABELS, 0, 10);
  ledger.add([['a'], ['b']], answers([0, 1], [0.75, 0.125]));
  ledger.add([['c'], [''], ['d']], answers([0, NO_LABEL, 1], [0.875, 0, 0.375]));
  assert.deepEqual([ledger.rows, ledger.empty, ledger.counts], [5, 1, [2, 2]]);
  const texts = async () => (await ledger.lines(0, 9)).map(({ text }) => text);
  assert.deepEqual(await texts(), ['a', 'b', 'c', '', 'd']);
  ledger.sort('score', true);
  assert.deepEqual(await texts(), ['b', 'c', 'a', 'd', '']);
  ledger.sort('score', false);
  assert.deepEqual(await texts(), ['d', 'a', 'b', 'c', '']);
  ledger.sort('label', false);
  assert.deepEqual(await texts(), ['a', 'c', 'b', 'd', '']);
  ledger.sort('row', true);
  assert.deepEqual(await texts(), ['d', '', 'c', 'b', 'a']);
  assert.deepEqual(await ledger.lines(1, 2), [{ row: 3, label: '', score: 0, text: '', for: [] }]);
  assert.equal(await ledger.text(2), 'c');
});
