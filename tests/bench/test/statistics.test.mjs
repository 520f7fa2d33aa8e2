import assert from 'node:assert/strict';
import { test } from 'node:test';
import { line, median, quantile } from '../statistics.mjs';

test('the median lies between the middle two, and order does not matter', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([7]), 7);
});

test('the 95th percentile of 1 to 101 is 96', () => {
  const values = Array.from({ length: 101 }, (_, at) => 101 - at);
  assert.equal(quantile(values, 0.95), 96);
});

test('a line is found again, and what is no line explains less', () => {
  const exact = line([1, 2, 4, 8].map((x) => [x, 3 * x + 2]));
  assert.ok(Math.abs(exact.slope - 3) < 1e-12 && Math.abs(exact.start - 2) < 1e-12 && exact.r2 > 1 - 1e-12);
  // By hand: slope 1/2, left over 1.5 of 2.
  const rough = line([[0, 0], [1, 2], [2, 1]]);
  assert.ok(Math.abs(rough.slope - 0.5) < 1e-12 && Math.abs(rough.r2 - 0.25) < 1e-12);
});
