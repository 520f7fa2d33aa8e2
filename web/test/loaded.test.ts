import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loaded } from '../src/loaded.ts';

const fetched = [
  { name: 'http://host/', encodedBodySize: 2_000 },
  { name: 'http://host/assets/index.js', encodedBodySize: 7_000 },
  { name: 'http://host/assets/stillglass_bg.wasm', encodedBodySize: 120_000 },
  { name: 'http://host/assets/finance.glass', encodedBodySize: 740_000 },
  { name: 'http://host/assets/spam.glass', encodedBodySize: 300_000 },
];

test('bytes are told apart, and only the chosen model counts', () => {
  assert.deepEqual(loaded(fetched, 'http://host/assets/spam.glass', 310_000), {
    model: 300_000,
    runtime: 120_000,
    page: 9_000,
  });
});

test('a model that was not fetched counts with its own size', () => {
  assert.equal(loaded(fetched, undefined, 555).model, 555);
});
