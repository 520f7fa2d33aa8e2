import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compared, interleaved } from '../interleave.mjs';

/** An entry whose calls take so long, and which notes that it was asked. */
const entry = (system, ms, asked, answers) => ({
  system,
  answers,
  time: async (calls) => {
    asked.push([system, calls]);
    return ms;
  },
});

test('systems take turns, and short calls are repeated until the clock can see them', async () => {
  const asked = [];
  const entries = [entry('a', 0.5, asked), entry('b', 200, asked)];
  const [a, b] = await interleaved(entries, { samples: 3, floor: 4 });
  assert.deepEqual(asked.slice(-6), [['a', 8], ['b', 1], ['a', 8], ['b', 1], ['a', 8], ['b', 1]]);
  assert.deepEqual([a.ms, a.p95, a.calls, a.repeats], [0.5, 0.5, 3, 8]);
  assert.deepEqual([b.ms, b.repeats], [200, 1]);
});

test('an entry that takes very long is timed less often', async () => {
  const asked = [];
  const entries = [entry('a', 200, asked), entry('b', 400, asked), { ...entry('c', 200, asked), most: 5 }];
  const timed = async (samples) => (await interleaved(entries, { samples })).map(({ calls }) => calls);
  assert.deepEqual(await timed(80), [80, 8, 5]);
  assert.deepEqual(await timed(30), [30, 5, 5]);
  assert.deepEqual(await timed(3), [3, 3, 3]);
});

test('a row is void if a label or a probability differs', () => {
  const reference = [[0.6, 0.4]];
  assert.deepEqual(compared(reference, reference), { difference: 0, otherLabels: 0, void: false });
  assert.equal(compared([[0.59, 0.41]], reference).void, false);
  assert.equal(compared([[0.57, 0.43]], reference).void, true);
  assert.equal(compared([[0.4, 0.6]], reference).otherLabels, 1);
  assert.equal(compared([[NaN, NaN]], reference).void, true);
  assert.deepEqual(compared(undefined, reference), {});
});

test('labels drawn within what probabilities may differ by are the same', () => {
  assert.equal(compared([[0.505, 0.495]], [[0.495, 0.505]]).void, false);
});

test('no answers agree with nothing, and answers all alike are no reference', async () => {
  assert.equal(compared([], [[0.6, 0.4]]).void, true);
  const alike = entry('a', 200, [], [[0.6, 0.4], [0.61, 0.39]]);
  await assert.rejects(interleaved([alike], { samples: 1 }), /^Error: a: its answers hardly differ/);
  const varied = { ...alike, answers: [[0.6, 0.4], [0.3, 0.7]] };
  assert.equal((await interleaved([varied], { samples: 1 }))[0].void, false);
});
