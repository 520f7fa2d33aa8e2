import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { read, speaker, tweets, wordsOf } from '../texts.mjs';

const vocabulary = ['[UNK]', '##s', '!', ...Array.from({ length: 5_000 }, (_, at) => [...String(10_000 + at)].map((digit) => 'abcdefghij'[digit]).join(''))];

test('made-up texts are the same for a seed, and of whole words', () => {
  const [a, b, other] = [1, 1, 2].map((seed) => tweets({ vocabulary, seed }, 20));
  assert.deepEqual(a, b);
  assert.notDeepEqual(a, other);
  assert.ok(a.every((text) => /^[a-z]{2,}( [a-z]{2,}){7,}$/.test(text)), a[0]);
});

test('words come back as often as in a language', () => {
  const word = speaker(vocabulary, 1);
  const kinds = Array.from({ length: 50 }, () => new Set(Array.from({ length: 128 }, word)).size);
  const mean = kinds.reduce((sum, kind) => sum + kind, 0) / kinds.length;
  // Of 128 words of English prose some 80 to 95 differ.
  assert.ok(mean > 70 && mean < 100, `${mean} different words of 128`);
});

test('real texts give their words one after another, around and around', () => {
  const word = wordsOf({ vocabulary, real: ['one two', ' three\n'], seed: 1 });
  const drawn = Array.from({ length: 6 }, word);
  const from = ['one', 'two', 'three'].indexOf(drawn[0]);
  assert.deepEqual(drawn, Array.from({ length: 6 }, (_, at) => ['one', 'two', 'three'][(from + at) % 3]));
  assert.deepEqual(tweets({ vocabulary, real: ['one two', 'three'], seed: 1 }, 3), ['one two', 'three', 'one two']);
});

test('a vocabulary without words makes no texts', () => {
  assert.throws(() => speaker(['[UNK]', '##s', '!'], 1), /no word of letters alone/);
});

test('lines are counted as they stand, and a text has words', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'stillglass-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'texts.jsonl');
  await writeFile(file, '\ufeff\n{"text":"a b"}\n\n{"text":"c"}\n');
  assert.deepEqual(await read(file), ['a b', 'c']);
  await writeFile(file, '{"text":"a"}\n\n{"text":" "}\n');
  await assert.rejects(read(file), /line 3: want a JSON object/);
});
