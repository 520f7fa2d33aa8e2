/** The README's lists beside the source they list. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

const text = (path) => readFile(new URL(`../${path}`, import.meta.url), 'utf8');
const found = (source, pattern) => [...source.matchAll(pattern)].map(([, name]) => name);
const readme = await text('README.md');

test('every error code is listed, in the order of the type', async () => {
  const codes = found(await text('src/errors.ts'), /^ {2}\| '([a-z-]+)'/gm);
  const row = /^\| `StillglassError` \|.*with a `code`: (.*?)\. What/m.exec(readme)[1];
  assert.ok(codes.length > 10);
  assert.deepEqual(found(row, /`([a-z-]+)`/g), codes);
});

test('every part of the element is listed', async () => {
  const [element, view] = [await text('src/element.ts'), await text('src/element-view.ts')];
  const own = found(element, /part\('p', '(\w+)'/g);
  const marks = found(view, /span\('(\w+)'/g);
  const words = found(view, /'word (\w+)'/g);
  const listed = found(/; parts (.*?) \|$/m.exec(readme)[1], /`(\w+)`/g);
  assert.deepEqual([own.length, marks.length, words.length], [4, 4, 2]);
  assert.deepEqual(listed.sort(), [...own, ...marks, 'word', ...words].sort());
});
