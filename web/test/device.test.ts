import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, AskOptions, Text } from 'stillglass/client';
import { quantile } from 'stillglass/metrics';
import { CASES, measure } from '../src/device/measure.ts';
import { asCsv, asText, cellsOf, type Measured } from '../src/device/report.ts';

/** Stands in for a model whose calls take so many milliseconds, one after the other, over and over. */
function taking(times: number[], backend: 'cpu' | 'gpu' = 'cpu', reason?: string, pairs = false) {
  const asked: { texts: Text[]; options: AskOptions }[] = [];
  const classifyAll = async (texts: Text[], options: AskOptions) => {
    options.signal?.throwIfAborted();
    const ms = times[asked.length % times.length]!;
    asked.push({ texts, options });
    return texts.map(() => ({ backend, ...(reason && { reason }), ms: ms / texts.length }) as Answer);
  };
  return { info: { pairs }, classifyAll, asked };
}

const { signal } = new AbortController();

test('every case is one text or many, on the CPU and on the GPU', () => {
  assert.deepEqual(CASES.map(({ texts, backend }) => `${texts} ${backend}`), ['1 cpu', '32 cpu', '1 gpu', '32 gpu']);
});

test('median and 95th percentile are of whole calls, the first two left out', async () => {
  const subject = taking([900, 800, ...Array.from({ length: 40 }, (_, at) => at + 1)]);
  const found = await measure(subject, { texts: 32, backend: 'cpu' }, signal);
  assert.ok('median' in found);
  assert.equal(found.runs, 40);
  // Of 1 to 40, by the definition of type 7: 1 + 39 p.
  assert.ok(Math.abs(found.median - 20.5) < 1e-9 && Math.abs(found.late - 38.05) < 1e-9, JSON.stringify(found));
  assert.equal(subject.asked.length, 42);
  for (const { texts, options } of subject.asked) {
    assert.equal(new Set(texts).size, 32, 'no two alike');
    assert.equal(options.backend, 'cpu');
    for (const text of texts) assert.equal(String(text).split(' ').length, 12);
  }
});

test('a model of pairs is measured on pairs, with as many words', async () => {
  const subject = taking([1], 'cpu', undefined, true);
  await measure(subject, { texts: 32, backend: 'cpu' }, signal);
  const texts = subject.asked[0]!.texts as [string, string][];
  assert.equal(texts.length, 32);
  for (const pair of texts) assert.deepEqual(pair.map((text) => text.split(' ').length), [6, 6]);
});

test('a slow model is asked less often, but not less than five times', async () => {
  const { now } = performance;
  let passed = 0;
  performance.now = () => passed;
  const slow = (ms: number) => {
    const subject = taking([ms]);
    const classifyAll: typeof subject.classifyAll = (...asked) => {
      passed += ms;
      return subject.classifyAll(...asked);
    };
    return measure({ ...subject, classifyAll }, { texts: 1, backend: 'cpu' }, signal);
  };
  try {
    const runs = [await slow(700), await slow(100), await slow(1)].map((found) => 'runs' in found && found.runs);
    assert.deepEqual(runs, [5, 15, 40]);
  } finally {
    performance.now = now;
  }
});

test('what the GPU did not do is no time but a reason, without what is meant for programs', async () => {
  const subject = taking([1], 'cpu', 'no WebGPU here: the browser offers no adapter; code 7');
  const found = await measure(subject, { texts: 1, backend: 'gpu' }, signal);
  assert.deepEqual(found, { texts: 1, backend: 'gpu', reason: 'no WebGPU here: the browser offers no adapter' });
  assert.equal(subject.asked.length, 1);
  assert.equal('median' in (await measure(taking([1], 'gpu'), { texts: 1, backend: 'gpu' }, signal)), true);
});

test('it can be stopped between calls', async () => {
  const stop = new AbortController();
  const subject = taking([1]);
  const stopping = { ...subject, classifyAll: (texts: Text[], options: AskOptions) => {
    if (subject.asked.length === 4) stop.abort('enough');
    return subject.classifyAll(texts, options);
  } };
  await assert.rejects(measure(stopping, { texts: 1, backend: 'cpu' }, stop.signal), (reason) => reason === 'enough');
});

test('a quantile lies between neighbours', () => {
  assert.equal(quantile([3], 0.95), 3);
  assert.equal(quantile([10, 0], 0.5), 5);
  assert.equal(quantile([4, 1, 2, 3], 0.95), 3.8499999999999996);
});

const MEASURED: Measured = {
  name: '=HYPERLINK("x")\t"a", b',
  memory: 3_600_000,
  outcomes: [
    { texts: 1, backend: 'cpu', median: 0.31, late: 0.6049, runs: 40 },
    { texts: 32, backend: 'gpu', reason: 'no adapter' },
  ],
};

test('the table has times as the page writes them, or the reason', () => {
  assert.deepEqual(MEASURED.outcomes.map((outcome) => cellsOf(MEASURED, outcome).slice(1)), [
    ['1', 'CPU', '0.3 ms', '0.6 ms', '40', '3.60 MB'],
    ['32', 'GPU', 'no adapter', '', '', '3.60 MB'],
  ]);
});

test('as text it is one line a row whatever a name holds', () => {
  const lines = asText([MEASURED], [['Cores', '2']]).trimEnd().split('\n');
  assert.equal(lines.length, 4);
  assert.equal(lines[1], '=HYPERLINK("x") "a", b\t1\tCPU\t0.3 ms\t0.6 ms\t40\t3.60 MB');
  assert.equal(lines[3], 'Cores\t2');
});

test('as CSV names are quoted, and none is a formula', () => {
  const lines = asCsv([MEASURED], [['GPU', 'a, b']]).split('\r\n');
  assert.equal(lines[1], `"'=HYPERLINK(""x"")\t""a"", b",1,cpu,0.310,0.605,40,3600000,`);
  assert.match(lines[2]!, /,32,gpu,,,,3600000,no adapter$/);
  assert.deepEqual(lines.slice(3), ['GPU,"a, b"', '']);
});
