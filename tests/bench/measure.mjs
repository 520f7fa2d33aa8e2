/**
 * Measures every system in one session of Chromium, part after part, and writes what was found.
 *
 * `cargo xtask bench` prepares what this reads and starts it: `node measure.mjs --work FOLDER …`.
 */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { svg } from './chart.mjs';
import { Lab } from './lab.mjs';
import { lines, markdown } from './report.mjs';
import * as forward from './rows/forward.mjs';
import * as native from './rows/native.mjs';
import * as memory from './rows/memory.mjs';
import * as cold from './rows/cold.mjs';
import * as growth from './rows/growth.mjs';
import * as throttled from './rows/throttled.mjs';
import * as batch from './rows/batch.mjs';
import * as text from './rows/text.mjs';

const PARTS = [forward, text, cold, batch, memory, throttled, growth, native].flatMap(({ parts }) => parts);

const { values: options } = parseArgs({
  options: {
    work: { type: 'string' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    texts: { type: 'string' },
    chromium: { type: 'string' },
    native: { type: 'string' },
    python: { type: 'string' },
  },
});

const wanted = PARTS.filter(({ name }) => options.only === undefined || options.only.some((only) => name.startsWith(only)));
if (wanted.length === 0) throw new Error(`--only: want the beginning of one of ${PARTS.map(({ name }) => name).join(', ')}`);

const lab = await Lab.open(options);
try {
  const rows = [];
  for (const { name, run } of wanted) {
    const began = performance.now();
    const found = await run(lab);
    rows.push(found);
    console.log(`    ${name}: ${Math.round((performance.now() - began) / 1000)} s`);
    for (const line of lines(found)) console.log(`        ${line}`);
  }
  const result = { quick: options.quick, date: new Date().toISOString(), machine: await lab.machine(), rows };
  const write = (name, text) => writeFile(path.join(options.work, name), text);
  await write('bench.json', `${JSON.stringify(result, null, 1)}\n`);
  await write('bench.md', markdown(result));
  await write('bench.svg', await svg(result));
} finally {
  await lab.close();
}
