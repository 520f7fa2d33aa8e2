/** From a page whose files the browser has to its first label, and the bytes that it had to bring before. */

import { compared } from '../interleave.mjs';
import { median, quantile } from '../statistics.mjs';

const MODEL = 'finance';
const TOKENS = 16;
const VISITS = 30;
const QUICK_VISITS = 5;
/** Visits before: the browser keeps compiled code only of what was used more than once. */
const EARLIER = 3;

const onnxruntime = (type) => ({ system: `onnxruntime-web ${type}`, module: 'cold-onnxruntime', reads: 'ids', options: { file: `one.${type}` } });
const transformers = (type) => ({ system: `transformers.js ${type}`, module: 'cold-transformers', reads: 'texts', options: { name: MODEL, type } });
const SYSTEMS = [
  { system: 'stillglass', module: 'cold-stillglass', reads: 'texts' },
  { system: 'stillglass, worker', module: 'cold-classifier', reads: 'texts' },
  ...['f32', 'u8'].flatMap((type) => [onnxruntime(type), transformers(type)]),
];

export const parts = [{ name: 'cold', run: cold }];

async function cold(lab) {
  const inputs = await lab.inputs(MODEL, 1, TOKENS);
  const visitors = [];
  for (const { system, module, reads, options } of SYSTEMS) {
    const asked = { module, model: `/models/${MODEL}/`, input: inputs[reads][0], ...options };
    const visitor = { system, context: await lab.browser.newContext(), address: `${lab.server.address}/pages/cold.html?asked=${encodeURIComponent(JSON.stringify(asked))}`, times: [] };
    visitor.wire = await weighed(lab, visitor);
    for (let visit = 0; visit < EARLIER; visit++) await visited(visitor);
    visitors.push(visitor);
  }
  for (let visit = 0; visit < (lab.quick ? QUICK_VISITS : VISITS); visit++) {
    for (const visitor of visitors) visitor.times.push((await visited(visitor)).ms);
  }
  const reference = [(await visited(visitors[0])).probabilities];
  const systems = [];
  for (const visitor of visitors) {
    const { system, times, wire, context } = visitor;
    const answers = [(await visited(visitor)).probabilities];
    systems.push({ system, ms: median(times), p95: quantile(times, 0.95), calls: times.length, wire, ...compared(answers, reference) });
    await context.close();
  }
  return { name: 'cold', title: 'Cold start, BiLSTM, E = H = 64: files in the cache, to the first label', unit: 'ms', systems };
}

/** Visits once without a cache; what was brought, which is compressed from then on. */
async function weighed(lab, visitor) {
  lab.server.requests.length = 0;
  await visited(visitor);
  const brought = [...new Set(lab.server.requests)].filter((name) => !name.startsWith('/pages/') && name !== '/favicon.ico');
  const sizes = await lab.server.pack(brought);
  // What lies in the cache is not compressed yet.
  await visitor.context.close();
  visitor.context = await lab.browser.newContext();
  const sum = (part, ofModel) =>
    Object.entries(sizes)
      .filter(([name]) => name.startsWith('/models/') === ofModel)
      .reduce((total, [, size]) => total + size[part], 0);
  return { runtime: sum('brotli', false), model: sum('brotli', true), runtimeRaw: sum('raw', false), modelRaw: sum('raw', true) };
}

/** A new page, its first label and how long that took. */
async function visited({ context, address }) {
  const page = await context.newPage();
  try {
    await page.goto(address);
    await page.waitForFunction(() => globalThis.found !== undefined, undefined, { polling: 50 });
    return await page.evaluate(() => globalThis.found);
  } finally {
    await page.close();
  }
}
