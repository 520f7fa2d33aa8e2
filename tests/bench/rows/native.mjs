/** Outside the browser: Stillglass's CPU path beside onnxruntime and PyTorch, one thread each. */

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { interleaved } from '../interleave.mjs';
import { Program } from '../processes.mjs';

const SCRIPT = fileURLToPath(new URL('../python/native.py', import.meta.url));
const TEXTS = 256;
const ROWS = [
  { name: 'native-bilstm-128', model: 'student-128', tokens: 128 },
  { name: 'native-bilstm-64', model: 'finance', tokens: 32 },
  { name: 'native-minilm-32', model: 'minilm', tokens: 32 },
  { name: 'native-minilm-128', model: 'minilm', tokens: 128 },
];

export const parts = ROWS.map((row) => ({ name: row.name, run: (lab) => native(lab, row) }));

async function native(lab, { name, model, tokens }) {
  const inputs = await lab.inputs(model, TEXTS, tokens);
  const folder = lab.model(model);
  const glass = path.join(folder, 'model.glass');
  const outside = { ids: inputs.withSpecials ?? inputs.ids };
  const { native, python } = lab.options;
  const others = [
    ...['f32', 'u8', 'i8'].map((type) => [`onnxruntime ${type}`, 'onnxruntime', { ...outside, onnx: path.join(folder, `one.${type}.onnx`) }]),
    ['PyTorch f32', 'pytorch', { ...outside, glass }],
    ['PyTorch i8', 'pytorch', { ...outside, glass, quantized: true }],
  ];
  const programs = [new Program(native, []), ...others.map(([, library]) => new Program(python, [SCRIPT, library]))];
  try {
    const entries = [await programs[0].entry('stillglass', name, { glass, ids: inputs.ids })];
    for (const [at, [system, , given]] of others.entries()) entries.push(await programs[at + 1].entry(system, name, given));
    const title = `Native: ${await lab.named(model)}, ${tokens} tokens`;
    return { name, title, unit: 'ms a call', tokens, systems: await interleaved(entries, { samples: lab.samples }) };
  } finally {
    for (const program of programs) program.close();
  }
}
