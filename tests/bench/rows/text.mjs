/** From text to label, tokenizer and all. */

import { interleaved } from '../interleave.mjs';
import { named } from '../systems.mjs';

const TEXTS = 256;
const TOKENS = 32;
/** What transformers.js has a pipeline for, and what it has not. */
const ROWS = [
  { name: 'text-bilstm', model: 'finance', pipelined: false, anchors: ['linear'] },
  { name: 'text-minilm', model: 'minilm', pipelined: true, anchors: [] },
];

export const parts = ROWS.map((row) => ({ name: row.name, run: (lab) => text(lab, row) }));

async function text(lab, { name, model, pipelined, anchors }) {
  const inputs = await lab.inputs(model, TEXTS, TOKENS);
  const { entries, skipped } = await lab.open(['stillglass, text', ...named('transformers.js')], name, { model, inputs, options: { pipelined } });
  const others = await lab.open(anchors, name, { model, inputs });
  // Another model: it has nothing to agree with.
  for (const entry of others.entries) Object.assign(entry, { answers: undefined, note: 'another model, without word order' });
  const all = [...entries, ...others.entries];
  const systems = await interleaved(all, { samples: lab.samples });
  for (const entry of all) await entry.close();
  return { name, title: `Text to label, ${await lab.named(model)}, ${TOKENS} tokens`, unit: 'ms a call', systems: [...systems, ...skipped, ...others.skipped] };
}
