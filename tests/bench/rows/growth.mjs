/** How time grows with the text, the batch, the vocabulary and the hidden size. */

import { stat } from 'node:fs/promises';
import path from 'node:path';
import { interleaved } from '../interleave.mjs';
import { line } from '../statistics.mjs';

const SYSTEMS = ['stillglass', 'onnxruntime-web f32', 'onnxruntime-web u8'];
const TEXTS = 8;
/** Of the timed calls of other rows, for each point. */
const SHARE = 0.25;
/** Tokens of a text where something else grows. */
const TOKENS = 32;

const LENGTHS = [8, 16, 32, 64, 128, 256, 512];
const BATCHES = [1, 4, 16, 64, 256];
const PIECES = [2_000, 8_000, 32_000, 128_000];
const WIDTHS = [32, 64, 128, 256];

export const parts = [
  { name: 'growth-length', title: 'Tokens of a text, E = H = 64', run: growing(LENGTHS, (tokens) => ({ model: 'student-64', tokens })) },
  { name: 'growth-batch', title: `Texts of a call, E = H = 64, ${TOKENS} tokens each`, run: growing(BATCHES, (batch) => ({ model: 'student-64', tokens: TOKENS, batch })) },
  { name: 'growth-vocabulary', title: `Pieces of the vocabulary, E = H = 64, ${TOKENS} tokens`, run: growing(PIECES, (pieces) => ({ model: `pieces-${pieces}`, tokens: TOKENS })) },
  { name: 'growth-hidden', title: `Hidden size, E = H, ${TOKENS} tokens`, run: growing(WIDTHS, (width) => ({ model: `student-${width}`, tokens: TOKENS })) },
];

/** A part that measures every system at every size, all in turn. */
function growing(sizes, shapeOf) {
  return async function grow(lab) {
    const { name, title } = this;
    const entries = [];
    for (const size of sizes) {
      const shape = shapeOf(size);
      const bytes = (await stat(path.join(lab.model(shape.model), 'model.glass'))).size;
      for (const entry of await open(lab, `${name}-${size}`, shape)) entries.push({ ...entry, size, bytes });
    }
    // Each against the first system of its own size.
    const found = await interleaved(entries, { samples: Math.ceil(lab.samples * SHARE), reference: ({ size }) => entries.find((entry) => entry.size === size) });
    for (const entry of entries) await entry.close();
    const points = found.map((point, at) => ({ size: entries[at].size, bytes: entries[at].bytes, ...point }));
    const lines = SYSTEMS.map((system) => ({ system, ...line(points.filter((point) => point.system === system).map(({ size, ms }) => [size, ms])) }));
    return { name, title, unit: 'ms a call', points, lines };
  };
}

async function open(lab, row, { model, tokens, batch }) {
  const inputs = await lab.inputs(model, batch ?? TEXTS, tokens);
  const opened = [];
  for (const system of SYSTEMS) {
    const type = system.split(' ')[1];
    const given =
      batch === undefined
        ? { model, inputs }
        : { model, inputs: { ids: [system === 'stillglass' ? inputs.ids : [inputs.ids]] }, options: { many: true, file: `many.${type}` } };
    const entry = await lab.pages.entry(system, row, given);
    opened.push(batch === undefined ? entry : { ...entry, answers: entry.answers.flat() });
  }
  return opened;
}
