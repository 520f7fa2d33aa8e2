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

test('bytes are told apart, and every model counts', () => {
  assert.deepEqual(loaded(fetched), { models: 1_040_000, runtime: 120_000, page: 9_000 });
});

test('nothing fetched is nothing loaded', () => {
  assert.deepEqual(loaded([]), { models: 0, runtime: 0, page: 0 });
});
