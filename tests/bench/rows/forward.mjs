/** One text at a time: from token ids to logits, and from text to the answer. */

import { interleaved } from '../interleave.mjs';
import { SYSTEMS, named } from '../systems.mjs';

/** Different texts of a row, so that no branch predictor learns the one. */
const TEXTS = 16;
/** Timed calls on a GPU that is software: no claim is made of them. */
const SOFTWARE_CALLS = 5;

const ROWS = [
  { name: 'bilstm-128', title: 'BiLSTM, E = H = 128, 128 tokens', model: 'student-128', tokens: 128 },
  { name: 'bilstm-64', title: 'BiLSTM, E = H = 64, 32 tokens', model: 'finance', tokens: 32 },
  { name: 'minilm-32', title: 'MiniLM-L6 shape, 32 tokens', model: 'minilm', tokens: 32 },
  { name: 'minilm-128', title: 'MiniLM-L6 shape, 128 tokens', model: 'minilm', tokens: 128 },
];

export const parts = ROWS.map((row) => ({ name: row.name, run: (lab) => forward(lab, row) }));

async function forward(lab, { name, title, model, tokens }) {
  const inputs = await lab.inputs(model, TEXTS, tokens);
  const all = named('stillglass', 'onnxruntime-web');
  const left = lab.quick && lab.softwareGpu ? all.filter((system) => SYSTEMS[system].gpu) : [];
  const { entries, skipped } = await lab.open(all.filter((system) => !left.includes(system)), name, { model, inputs });
  skipped.push(...left.map((system) => ({ system, skipped: 'a software GPU, which takes long' })));
  for (const entry of entries) if (entry.gpu && lab.softwareGpu) Object.assign(entry, { most: SOFTWARE_CALLS, note: 'software GPU: no claim' });
  const found = await interleaved(entries, { samples: lab.samples });
  for (const entry of entries) await entry.close();
  return { name, title, unit: 'ms a call', tokens, systems: [...found, ...skipped] };
}
