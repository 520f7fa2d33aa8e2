import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BUNDLE, project } from '../project.mjs';
import { LABEL } from '../visit.mjs';

test('Node reads files, on its own thread, and every entry can be imported', () => {
  process.env.INTEGRITY = createHash('sha256').update(readFileSync(BUNDLE)).digest('hex');
  const { run } = project('node');
  const output = run(process.execPath, 'main.mjs', BUNDLE);
  assert.deepEqual(JSON.parse(output), {
    label: LABEL,
    words: ['Northwind', 'raises', 'its', 'profit', 'outlook'],
    inline: LABEL,
    pipeline: LABEL,
    faithful: 5,
    absent: 'fetch-failed',
    supported: true,
  });
});
