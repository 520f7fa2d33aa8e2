/** The processor slowed down by DevTools, as a stand-in for phones. */

import { interleaved } from '../interleave.mjs';
import { named } from '../systems.mjs';

const TEXTS = 256;
const ROWS = [
  { model: 'student-128', tokens: 128 },
  { model: 'finance', tokens: 32 },
];
const RATES = [4, 6];
/** The slowing stops the page for moments: a timed call lasts for many of them. */
const FLOOR = 50;
/** Of the timed calls of other rows, since these are so much longer. */
const SHARE = 0.2;
/** Of them those at full speed, to say what the slowing came to. */
const UNSLOWED = 0.05;

export const parts = RATES.flatMap((rate) => ROWS.map((row) => ({ name: `slowed-${rate}-${row.model}`, run: (lab) => slowed(lab, rate, row) })));

async function slowed(lab, rate, { model, tokens }) {
  const name = `slowed-${rate}-${model}`;
  const inputs = await lab.inputs(model, TEXTS, tokens);
  const systems = ['stillglass', ...named('onnxruntime-web').filter((system) => !system.endsWith('WebGPU'))];
  const { entries, skipped } = await lab.open(systems, name, { model, inputs });
  const times = (all, share) => interleaved(all, { samples: Math.ceil(lab.samples * share), floor: FLOOR });
  const before = await times(entries, UNSLOWED);
  const found = await times(entries.map((entry) => ({ ...entry, time: (calls) => slowly(lab, rate, entry, calls) })), SHARE);
  for (const { close } of entries) await close();
  const measured = found.map((one, at) => ({ ...one, slowing: one.ms / before[at].ms }));
  const title = `${await lab.named(model)}, ${tokens} tokens, processor ${rate}× slower`;
  return { name, title, unit: 'ms a call', systems: [...measured, ...skipped] };
}

/** Times calls in a page that is slowed meanwhile: DevTools would stop the pages that wait, too, and take a core for it. */
async function slowly(lab, rate, { system, time }, calls) {
  const fast = await lab.pages.slow(system, rate);
  try {
    return await time(calls);
  } finally {
    await fast();
  }
}
