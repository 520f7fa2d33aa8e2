import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparisons } from '../figures.mjs';
import { figure, markdown } from '../report.mjs';

const system = (name, ms, more) => ({ system: name, ms, p95: ms, least: ms, calls: 1, difference: 0, void: false, ...more });
const result = {
  quick: false,
  texts: 'made up',
  date: 'today',
  machine: { processor: 'x' },
  rows: [
    {
      name: 'row',
      title: 'Row',
      unit: 'ms a call',
      systems: [
        system('stillglass', 2),
        system('stillglass, text', 1),
        system('onnxruntime-web f32', 8),
        system('onnxruntime-web u8', 6, { void: true }),
        system('onnxruntime-web WebGPU', 3, { note: 'software GPU: no claim' }),
        { system: 'transformers.js f32', skipped: 'no file' },
      ],
    },
    { name: 'other', title: 'Other', failed: 'the page broke' },
  ],
};

test('a void figure, a software GPU and what was skipped are compared with nothing', () => {
  const found = comparisons(result);
  assert.deepEqual(found.map(({ mine, other, times }) => [mine.system, other.system, times]), [['stillglass', 'onnxruntime-web f32', 4]]);
});

test('a GPU is compared with a GPU', () => {
  const systems = [system('stillglass', 2), system('stillglass, GPU', 1), system('onnxruntime-web f32', 8), system('onnxruntime-web WebGPU', 3)];
  const found = comparisons({ rows: [{ name: 'row', title: 'Row', unit: 'ms a call', systems }] });
  assert.deepEqual(found.map(({ title, mine, other, times }) => [title, mine.system, other.system, times]), [
    ['Row', 'stillglass', 'onnxruntime-web f32', 4],
    ['Row, on the GPU', 'stillglass, GPU', 'onnxruntime-web WebGPU', 3],
  ]);
});

test('the tables say what is void, what was skipped and what failed', () => {
  const tables = markdown(result);
  for (const said of ['VOID: answers differ', 'software GPU: no claim', 'SKIPPED: no file', 'FAILED: the page broke', '4.00×']) assert.ok(tables.includes(said), said);
});

test('figures keep three digits', () => {
  assert.deepEqual([0.01234, 1.5, 123.4, 1_234.6].map(figure), ['0.0123', '1.50', '123', '1,235']);
});
