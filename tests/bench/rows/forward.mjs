/** One text at a time: from token ids to logits, and from text to the answer. */

import { interleaved } from '../interleave.mjs';
import { SYSTEMS, named } from '../systems.mjs';

/** Different texts of a row: no branch predictor learns them, nor does Stillglass keep what it knows of all their words. */
const TEXTS = 256;
/** Texts and timed calls where software plays the GPU: no claim is made of it, and a teacher takes it seconds. */
const SOFTWARE = { texts: 2, calls: 5 };

const TEACHER = 'minilm';
const ROWS = [
  { name: 'bilstm-128', model: 'student-128', tokens: 128 },
  { name: 'bilstm-64', model: 'finance', tokens: 32 },
  { name: 'minilm-32', model: TEACHER, tokens: 32 },
  { name: 'minilm-128', model: TEACHER, tokens: 128 },
];

export const parts = ROWS.map((row) => ({ name: row.name, run: (lab) => forward(lab, row) }));

async function forward(lab, { name, model, tokens }) {
  const inputs = await lab.inputs(model, TEXTS, tokens);
  const { entries, skipped } = await lab.open(systems(false), name, { model, inputs });
  const gpu = await onGpu(lab, name, { model, inputs });
  const all = [...entries, ...gpu.entries];
  const found = await interleaved(all, { samples: lab.samples });
  for (const entry of all) await entry.close();
  const title = `${await lab.named(model)}, ${tokens} tokens`;
  return { name, title, unit: 'ms a call', tokens, systems: [...found, ...skipped, ...gpu.skipped] };
}

/** The systems that read one text, on a GPU or not. */
const systems = (gpu) => named('stillglass', 'onnxruntime-web').filter((system) => (SYSTEMS[system].gpu ?? false) === gpu);

async function onGpu(lab, name, { model, inputs }) {
  if (!lab.softwareGpu) return lab.open(systems(true), name, { model, inputs });
  const reason = lab.quick ? 'which a quick run leaves out' : 'which takes seconds a call';
  if (lab.quick || model === TEACHER) return { entries: [], skipped: systems(true).map((system) => ({ system, skipped: `no GPU but software, ${reason}` })) };
  const few = (list) => list?.slice(0, SOFTWARE.texts);
  const { texts, ids, withSpecials } = inputs;
  const { entries, skipped } = await lab.open(systems(true), name, { model, inputs: { texts: few(texts), ids: few(ids), withSpecials: few(withSpecials) } });
  return { entries: entries.map((entry) => ({ ...entry, most: SOFTWARE.calls, note: 'software GPU: no claim' })), skipped };
}
