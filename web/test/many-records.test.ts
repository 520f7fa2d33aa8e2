import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchesOf } from '../src/many/batches.ts';
import { cellOf, columnsOf, distinct, likely, likelyPair, shownOf, textOf } from '../src/many/columns.ts';
import { look } from '../src/many/look.ts';
import { MOST_ROWS, type Order, type Row, type Sample } from '../src/many/protocol.ts';
import { cutterOf, rowsOf } from '../src/many/records.ts';

function file(name: string, ...parts: BlobPart[]): File {
  return new File(parts, name);
}

async function allRows(name: string, ...parts: BlobPart[]): Promise<{ sample: Sample; rows: Row[] }> {
  const source = file(name, ...parts);
  const sample = await look(source);
  const rows: Row[] = [];
  for await (const stretch of rowsOf(source, sample.layout)) rows.push(...stretch.rows);
  return { sample, rows };
}

test('a CSV file gives its cells: quotes, line breaks in cells, doubled quotes, lines with nothing', async () => {
  const { sample, rows } = await allRows('a.csv', 'id,text\r\n1,"a, ""b""\nc"\r\n\r\n2,d\r\n');
  assert.deepEqual(columnsOf(sample), ['id', 'text']);
  assert.equal(likely(sample), 1);
  assert.deepEqual(rows, [['1', 'a, "b"\nc'], ['2', 'd']]);
});

test('the two columns of pairs are told by their names, else by their length, in the order of the file', async () => {
  const pairOf = async (content: string) => likelyPair((await allRows('a.csv', content)).sample);
  assert.deepEqual(await pairOf('id,hypothesis,premise\n1,a longer one than that,b\n'), [2, 1]);
  assert.deepEqual(await pairOf('sentence1,label,sentence2\na,b,c\n'), [0, 2]);
  assert.deepEqual(await pairOf('id,premise,claim\n1,a,bcd\n'), [1, 2]);
  assert.deepEqual(await pairOf('id,one,other\n1,a short one,and the longest of the three\n'), [1, 2]);
  assert.deepEqual(await pairOf('text\na\n'), [0, 0]);
});

test('a row of pairs gives both texts as one, and on one line of the table with a stroke', () => {
  assert.equal(textOf(['1', 'a', 'b'], [1, 2]), 'a\u001fb');
  assert.equal(textOf({ a: 'x\u001f', b: 7 }, ['a', 'b']), 'x \u001f7');
  assert.equal(shownOf(['1', 'a', 'b'], [1, 2]), 'a / b');
  assert.equal(textOf(['1', 'a'], 1), 'a');
});

test('the delimiter is found out, and TSV has its own', async () => {
  assert.deepEqual((await allRows('a.csv', 'id;text\n1;a, b\n2;c\n')).rows, [['1', 'a, b'], ['2', 'c']]);
  assert.deepEqual((await allRows('a.tsv', 'id\ttext\n1\ta, b\n')).rows, [['1', 'a, b']]);
});

test('lines that end in different ways are rows all the same', async () => {
  const text = 'id,text\r\n1,profit up\n2,"losses\r\n""grow""\n"\n3,dividend cut\r\n4,a 5" pipe\r5,five\r\n"6","six"\r\n';
  const { rows } = await allRows('a.csv', text);
  const cells = [['1', 'profit up'], ['2', 'losses\r\n"grow"\n'], ['3', 'dividend cut'], ['4', 'a 5" pipe'], ['5', 'five'], ['6', 'six']];
  assert.deepEqual(rows, cells);
});

test('the names of columns are no text, though the one row after them is broken', async () => {
  const { layout } = await look(file('a.csv', 'id,text\n1,"hello\n2,world\n'));
  assert.equal(layout.heading, true);
});

test('cut anywhere, a CSV file gives the same rows', () => {
  const layout = { format: 'csv', encoding: 'utf-8', marked: false, delimiter: ',', heading: false } as const;
  const text = 'id,text\r\n1,"a, ""b""\r\nc"\n2,"d"\r\n"",\r3,é';
  const whole = cutterOf(layout)(text, true).rows;
  assert.equal(whole.length, 5);
  for (let at = 0; at <= text.length; at++) {
    const cut = cutterOf(layout);
    const first = cut(text.slice(0, at), false);
    assert.deepEqual([...first.rows, ...cut(first.rest + text.slice(at), true).rows], whole, `cut at ${at}`);
  }
});

test('a character cut between two stretches of the stream stays whole', async () => {
  const row = '漢字かな交じり文, עברית, 👩‍👩‍👧‍👦 é\n';
  const { rows } = await allRows('a.txt', row.repeat(20_000));
  assert.equal(rows.length, 20_000);
  assert.ok(rows.every((cells) => (cells as string[])[0] === row.trimEnd()));
});

test('JSONL gives objects, whatever their keys', async () => {
  const { sample, rows } = await allRows('a.jsonl', '{"text":"a","n":{"x":1}}\n\n{"__proto__":"b","text":"c"}\n');
  assert.deepEqual(columnsOf(sample), ['text', 'n', '__proto__']);
  assert.deepEqual(rows.map((row) => cellOf(row, 'text')), ['a', 'c']);
  assert.equal(cellOf(rows[0]!, 'n'), '{"x":1}');
  assert.equal(cellOf(rows[1]!, '__proto__'), 'b');
  assert.equal(cellOf(rows[0]!, '__proto__'), '');
  assert.equal(cellOf(rows[0]!, 'toString'), '');
});

test('UTF-16 with its mark is read, and the mark is no character', async () => {
  const text = 'text\nähnlich\n';
  const little = new Uint16Array([0xfeff, ...[...text].map((unit) => unit.charCodeAt(0))]);
  const big = new Uint8Array(little.buffer.slice(0)).map((_, at, all) => all[at ^ 1]!);
  for (const bytes of [little, big]) {
    const { sample, rows } = await allRows('a.csv', bytes);
    assert.deepEqual(columnsOf(sample), ['text']);
    assert.deepEqual(rows, [['ähnlich']]);
  }
  assert.deepEqual(columnsOf((await allRows('a.csv', '\ufefftext,id\na,1\n')).sample), ['text', 'id']);
});

test('what cannot be read says what it is and the way out', async () => {
  const refused: [string, BlobPart, RegExp][] = [
    ['empty.csv', '', /empty\.csv is empty; choose/],
    ['blank.txt', ' \n\n', /holds no text/],
    ['book.csv', Uint8Array.of(0x50, 0x4b, 3, 4, 0), /a workbook or a ZIP archive.*save it as CSV/],
    ['image.txt', Uint8Array.of(1, 0, 2), /no text file/],
    ['latin.csv', Uint8Array.of(0x74, 0x65, 0xe9, 0x74, 10), /not written in UTF-8: between byte 1 and byte 5.*save it anew as UTF-8/],
    ['array.json', '[{"text":"a"}]', /one JSON array; write one object a line/],
    ['bad.jsonl', '{"text":\n', /line 1 is no JSON object; mend/],
  ];
  for (const [name, content, message] of refused) {
    await assert.rejects(allRows(name, content), { name: 'FileProblem', message }, name);
  }
});

test('what stands before the fault is read', async () => {
  const rows: Row[] = [];
  const source = file('a.jsonl', '{"text":"a"}\n{"text":"b"}\noops\n{"text":"c"}\n');
  const { layout } = await look(source);
  const reading = (async () => {
    for await (const stretch of rowsOf(source, layout)) rows.push(...stretch.rows);
  })();
  await assert.rejects(reading, /line 3 is no JSON object/);
  assert.deepEqual(rows, [{ text: 'a' }, { text: 'b' }]);
});

test('a quotation mark that is never closed is told, and does not fill the memory', async () => {
  await assert.rejects(allRows('a.csv', 'text,id\na,1\n"b,2\nc,3\n'), /never closed; close it/);
  await assert.rejects(allRows('a.csv', 'text,id\na,1\n"b,2\n', 'c,3\n'.repeat(600_000)), /longer than 1,000,000 characters; perhaps a quotation mark/);
});

test('columns without a name, or with the same, can be told apart', () => {
  assert.deepEqual(distinct(['a', '', 'a', 'a (2)', ' ']), ['a', 'column 2', 'a (2)', 'a (2) (2)', 'column 5']);
});

test('a first row that looks like data is data', async () => {
  assert.equal((await look(file('a.csv', 'Shares rise,1\nShares fall,2\n'))).layout.heading, false);
  assert.equal((await look(file('a.csv', 'news,class\nShares fall,2\n'))).layout.heading, true);
  assert.equal((await look(file('a.csv', 'Shares rise\nShares fall\n'))).layout.heading, false);
  assert.equal((await look(file('a.csv', 'text\nShares fall\n'))).layout.heading, true);
});

async function batched(content: string, name = 'a.txt') {
  const source = file(name, content);
  const { layout } = await look(source);
  const order = { file: source, layout, column: 0, model: { kind: 'student' } } as unknown as Order;
  const texts: string[][] = [];
  const batches = batchesOf(order);
  for (;;) {
    const { value, done } = await batches.next();
    if (done) return { texts, more: value };
    texts.push(value.texts);
    assert.ok(value.share > 0 && value.share <= 1);
  }
}

test('batches hold every row once and in order, and end at the most there may be', async () => {
  const lines = (rows: number) => Array.from({ length: rows }, (_, row) => `row ${row}\n`).join('');
  for (const rows of [1, 16, 17, 600]) {
    const { texts, more } = await batched(lines(rows));
    assert.deepEqual(texts.flat(), lines(rows).trimEnd().split('\n'));
    assert.equal(more, false);
  }
  assert.deepEqual((await batched(lines(MOST_ROWS))).more, false);
  const beyond = await batched(lines(MOST_ROWS + 1));
  assert.equal(beyond.texts.flat().length, MOST_ROWS);
  assert.equal(beyond.more, true);
});

test('a text that is too long is told with its row', async () => {
  await assert.rejects(batched(`short\n${'x'.repeat(1_000_001)}\n`), /longer than 1,000,000 characters/);
});
