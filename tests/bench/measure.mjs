/**
 * Measures every system in one session of Chromium, part after part, and writes what was found.
 *
 * `cargo xtask bench` prepares what this reads and starts it; `--plan` only says which parts would be measured.
 */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { svg } from './chart.mjs';
import { Lab } from './lab.mjs';
import { Refused } from './refused.mjs';
import { lines, markdown } from './report.mjs';
import * as batch from './rows/batch.mjs';
import * as cold from './rows/cold.mjs';
import * as forward from './rows/forward.mjs';
import * as growth from './rows/growth.mjs';
import * as memory from './rows/memory.mjs';
import * as native from './rows/native.mjs';
import * as slowed from './rows/slowed.mjs';
import * as text from './rows/text.mjs';
import * as texts from './texts.mjs';

const PARTS = [forward, text, cold, batch, memory, slowed, growth, native].flatMap(({ parts }) => parts);

const { values: options } = parseArgs({
  options: {
    work: { type: 'string' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [''] },
    texts: { type: 'string' },
    chromium: { type: 'string' },
    native: { type: 'string' },
    python: { type: 'string' },
    plan: { type: 'boolean', default: false },
  },
});

/** The parts that were asked for. */
function chosen() {
  const without = options.only.find((only) => !PARTS.some(({ name }) => name.startsWith(only)));
  if (without !== undefined) throw new Refused(`--only ${without}: want the beginning of one of ${PARTS.map(({ name }) => name).join(', ')}`);
  return PARTS.filter(({ name }) => options.only.some((only) => name.startsWith(only)));
}

async function measured(parts, real) {
  const lab = await Lab.open({ ...options, real });
  try {
    const rows = [];
    for (const part of parts) {
      const began = performance.now();
      const row = await part.run(lab).catch((error) => failed(part, error));
      rows.push(row);
      console.log(`    ${part.name}: ${Math.round((performance.now() - began) / 1000)} s`);
      for (const line of lines(row)) console.log(`        ${line}`);
    }
    return { quick: options.quick, texts: real === undefined ? 'made up' : 'real', date: new Date().toISOString(), machine: lab.machine(), rows };
  } finally {
    await lab.close();
  }
}

/** What a part that broke leaves: the others are measured all the same. */
function failed({ name }, error) {
  console.error(error);
  process.exitCode = 1;
  return { name, title: name, failed: error.message };
}

async function main() {
  const parts = chosen();
  const real = options.texts === undefined ? undefined : await texts.read(options.texts);
  if (options.plan) return console.log(`    parts: ${parts.map(({ name }) => name).join(', ')}`);
  const result = await measured(parts, real);
  const write = (name, content) => writeFile(path.join(options.work, name), content);
  await write('bench.json', `${JSON.stringify(result, null, 1)}\n`);
  await write('bench.md', markdown(result));
  await write('bench.svg', await svg(result));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.error(`    ${error.message}`);
  process.exitCode = 1;
}
