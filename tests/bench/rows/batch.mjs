/** A thousand short texts: texts a second, against onnxruntime-web at the batch size that suits it best. */

import { interleaved } from '../interleave.mjs';
import { median } from '../statistics.mjs';
import * as texts from '../texts.mjs';

const TEXTS = 1_000;
const QUICK_TEXTS = 250;
const MODEL = 'finance';
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/** Passes over all texts: each times a thousand calls already. */
const PASSES = 20;
const QUICK_PASSES = 3;
/** Passes of each batch size, from which the best is chosen. */
const TRIALS = 3;
const TYPES = ['f32', 'u8', 'i8'];

export const parts = [{ name: 'batch', run: batch }];

async function batch(lab) {
  const count = lab.quick ? QUICK_TEXTS : TEXTS;
  const inputs = await sorted(lab, count);
  const name = 'batch';
  const whole = { model: MODEL, inputs: { texts: [inputs.texts], ids: [inputs.ids] }, options: { many: true } };
  const { entries, skipped } = await lab.open(['stillglass', 'stillglass, text'], name, whole);
  for (const type of TYPES) entries.push(await best(lab, `onnxruntime-web ${type}`, type, inputs.ids));
  for (const entry of entries) entry.answers = entry.answers.flat();
  const found = await interleaved(entries, { samples: lab.quick ? QUICK_PASSES : PASSES });
  for (const entry of entries) await entry.close();
  const systems = found.map((system) => ({ ...system, textsASecond: (count / system.ms) * 1_000 }));
  return { name, title: `${count.toLocaleString('en')} short texts`, unit: 'ms for all', texts: count, systems: [...systems, ...skipped] };
}

/** Texts by length, so that padding costs as little as it can. */
async function sorted(lab, count) {
  const found = await lab.tweets(MODEL, count);
  const order = found.ids.map((_, at) => at).sort((a, b) => found.ids[a].length - found.ids[b].length);
  return { texts: order.map((at) => found.texts[at]), ids: order.map((at) => found.ids[at]) };
}

/** onnxruntime-web at its best batch size. */
async function best(lab, system, type, ids) {
  let chosen;
  for (const size of SIZES) {
    const batches = Array.from({ length: Math.ceil(ids.length / size) }, (_, at) => ids.slice(at * size, (at + 1) * size));
    const given = { model: MODEL, inputs: { ids: [batches] }, options: { many: true, file: `many.${type}` } };
    const entry = await lab.pages.entry(system, `batch-${size}`, given);
    const times = [];
    for (let trial = 0; trial < TRIALS; trial++) times.push(await entry.time(1));
    const ms = median(times);
    if (chosen !== undefined && chosen.ms <= ms) {
      await entry.close();
      continue;
    }
    await chosen?.entry.close();
    chosen = { ms, entry: { ...entry, note: `batches of ${size}` } };
  }
  return chosen.entry;
}
