/** How time grows with the text, the batch, the vocabulary and the hidden size. */

import { stat } from 'node:fs/promises';
import path from 'node:path';
import { interleaved } from '../interleave.mjs';
import { line } from '../statistics.mjs';

const SYSTEMS = ['stillglass', 'onnxruntime-web f32', 'onnxruntime-web u8'];
/** Different texts of a point, as in the rows of single texts; of batches together. */
const TEXTS = 256;
/** Of the timed calls of other rows, for each point. */
const SHARE = 0.25;
/** Tokens of a text where something else grows. */
const TOKENS = 32;

const LENGTHS = [8, 16, 32, 64, 128, 256, 512];
const BATCHES = [1, 4, 16, 64, 256];
const PIECES = [2_000, 8_000, 32_000, 128_000];
const WIDTHS = [32, 64, 128, 256];

const ROWS = [
  { name: 'growth-length', title: 'Tokens of a text, E = H = 64', sizes: LENGTHS, shape: (tokens) => ({ model: 'student-64', tokens }) },
  { name: 'growth-batch', title: `Texts of a call, E = H = 64, ${TOKENS} tokens each`, sizes: BATCHES, shape: (batch) => ({ model: 'student-64', tokens: TOKENS, batch }) },
  { name: 'growth-vocabulary', title: `Pieces of the vocabulary, E = H = 64, ${TOKENS} tokens`, sizes: PIECES, shape: (pieces) => ({ model: `pieces-${pieces}`, tokens: TOKENS }) },
  { name: 'growth-hidden', title: `Hidden size, E = H, ${TOKENS} tokens`, sizes: WIDTHS, shape: (width) => ({ model: `student-${width}`, tokens: TOKENS }) },
];

export const parts = ROWS.map((row) => ({ name: row.name, run: (lab) => growth(lab, row) }));

/** Every system at every size, all in turn. */
async function growth(lab, { name, title, sizes, shape }) {
  const entries = [];
  for (const size of sizes) {
    const wanted = shape(size);
    const { size: bytes } = await stat(path.join(lab.model(wanted.model), 'model.glass'));
    for (const entry of await open(lab, `${name}-${size}`, wanted)) entries.push({ ...entry, size, bytes });
  }
  // Each against the first system of its own size.
  const reference = ({ size }) => entries.find((entry) => entry.size === size);
  const found = await interleaved(entries, { samples: Math.ceil(lab.samples * SHARE), reference });
  for (const entry of entries) await entry.close();
  const points = found.map((point, at) => ({ size: entries[at].size, bytes: entries[at].bytes, ...point }));
  const lines = SYSTEMS.map((system) => ({ system, ...line(points.filter((point) => point.system === system).map(({ size, ms }) => [size, ms])) }));
  return { name, title, unit: 'ms a call', points, lines };
}

/** A row in every system, texts one by one or all in one call. */
async function open(lab, row, { model, tokens, batch }) {
  const inputs = await lab.inputs(model, TEXTS, tokens);
  const batches = batch === undefined ? [] : Array.from({ length: TEXTS / batch }, (_, at) => inputs.ids.slice(at * batch, (at + 1) * batch));
  const opened = [];
  for (const system of SYSTEMS) {
    const type = system.split(' ')[1];
    const given =
      batch === undefined
        ? { model, inputs }
        : { model, inputs: { ids: system === 'stillglass' ? batches : batches.map((ids) => [ids]) }, options: { many: true, file: `many.${type}` } };
    const entry = await lab.pages.entry(system, row, given);
    opened.push(batch === undefined ? entry : { ...entry, answers: entry.answers.flat() });
  }
  return opened;
}
