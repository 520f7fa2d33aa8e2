/** The processor slowed down by DevTools, as a stand-in for phones. */

import { interleaved } from '../interleave.mjs';
import { named } from '../systems.mjs';

const TEXTS = 256;
const ROWS = [
  { model: 'student-128', title: 'BiLSTM, E = H = 128', tokens: 128 },
  { model: 'finance', title: 'BiLSTM, E = H = 64', tokens: 32 },
];
const RATES = [4, 6];
/** The slowing stops the page for moments: a timed call lasts for many of them. */
const FLOOR = 50;
/** Of the timed calls of other rows, since these are so much longer. */
const SHARE = 0.2;

export const parts = RATES.flatMap((rate) => ROWS.map((row) => ({ name: `slowed-${rate}-${row.model}`, run: (lab) => slowed(lab, rate, row) })));

async function slowed(lab, rate, { model, title, tokens }) {
  const name = `slowed-${rate}-${model}`;
  const inputs = await lab.inputs(model, TEXTS, tokens);
  const systems = ['stillglass', ...named('onnxruntime-web').filter((system) => !system.endsWith('WebGPU'))];
  const { entries, skipped } = await lab.open(systems, name, { model, inputs });
  const release = [];
  for (const { system } of entries) release.push(await lab.pages.slow(system, rate));
  const found = await interleaved(entries, { samples: Math.ceil(lab.samples * SHARE), floor: FLOOR });
  for (const fast of release) await fast();
  for (const { close } of entries) await close();
  return { name, title: `${title}, ${tokens} tokens, processor ${rate}× slower`, unit: 'ms a call', systems: [...found, ...skipped] };
}
