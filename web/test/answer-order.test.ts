import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Curves } from 'stillglass/metrics';
import { areas, band, points, verdict } from '../src/answer/order.ts';

const curve = (area: number, middle = area) => ({ area, probabilities: [0.25, middle, 0.75] });

function found(insertion: number, deletion: number, kept = [0, 2, 4]): Curves {
  // Areas .30, .35 … .75.
  const random = Array.from({ length: 10 }, (_, at) => curve(0.3 + at / 20));
  return { label: 'up', kept, insertion: curve(insertion), deletion: curve(deletion), random };
}

test('the sentence counts the random orders that are beaten, and judges by nine of ten', () => {
  assert.equal(
    verdict(found(0.9, 0.1)),
    'The strongest words alone bring up back sooner than all 10 random orders, and without them it goes sooner than in all 10: the order says what the model goes by.',
  );
  assert.match(verdict(found(0.74, 0.36)), /than 9 of 10 .* in 8 of 10: the order says what suffices, but not what is missed\.$/);
  assert.match(verdict(found(0.5, 0.1)), /than 4 of 10 .* in all 10: the order says what is missed, but not what suffices\.$/);
  assert.match(verdict(found(0.5, 0.5)), /than 4 of 10 .* in 5 of 10: the order says little more than chance does\.$/);
  assert.match(verdict(found(0.9, 0.1, [0, 1])), /too few words/);
});

test('the band leaves a tenth of the random orders out at each side', () => {
  const { low, high } = band(found(1, 0));
  assert.deepEqual([low[0], low[2], high[2]], [0.25, 0.75, 0.75]);
  // Ten values 0.05 apart: the quantiles lie 0.9 steps from either end.
  assert.ok(Math.abs(low[1]! - 0.345) < 1e-9 && Math.abs(high[1]! - 0.705) < 1e-9);
});

test('areas and points are written as the tables show them', () => {
  assert.deepEqual(areas(found(0.9, 0.1)).map(({ area }) => area), ['0.90', '0.53 (0.34 to 0.70)', '0.10']);
  assert.deepEqual(points(found(0.9, 0.1)), [
    ['0', '25%', '25% to 25%', '25%'],
    ['2', '90%', '35% to 71%', '10%'],
    ['4', '75%', '75% to 75%', '75%'],
  ]);
});
