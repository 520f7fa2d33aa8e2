/** From a page whose files the browser has to its first label, and the bytes that it had to bring before. */

import { compared } from '../interleave.mjs';
import { median, quantile } from '../statistics.mjs';

const MODEL = 'finance';
const TOKENS = 16;
const VISITS = 30;
const QUICK_VISITS = 5;
/** Visits before: the browser keeps compiled code only of what was used more than once. */
const EARLIER = 3;

/** `from` is which form of the text the module is given: token ids come for nothing. */
const onnxruntime = (type) => ({ system: `onnxruntime-web ${type}`, module: 'onnxruntime', from: 'ids', options: { file: `one.${type}` } });
const transformers = (type) => ({ system: `transformers.js ${type}`, module: 'transformers', from: 'texts', options: { name: MODEL, type } });
const SYSTEMS = [
  { system: 'stillglass, text', module: 'stillglass', from: 'texts' },
  { system: 'stillglass, worker', module: 'stillglass-worker', from: 'texts' },
  ...['f32', 'u8'].flatMap((type) => [onnxruntime(type), transformers(type)]),
  { system: 'linear', module: 'linear', from: 'texts', note: 'another model, without word order' },
];

export const parts = [{ name: 'cold', run: cold }];

async function cold(lab) {
  const inputs = await lab.inputs(MODEL, 1, TOKENS);
  const visitors = [];
  for (const { options, ...system } of SYSTEMS) {
    const asked = { module: system.module, model: `/models/${MODEL}/`, input: inputs[system.from][0], ...options };
    const address = `${lab.server.address}/pages/cold.html?asked=${encodeURIComponent(JSON.stringify(asked))}`;
    const wire = await weighed(lab, address);
    const visitor = { ...system, address, wire, context: await lab.browser.newContext(), times: [] };
    for (let visit = 0; visit < EARLIER; visit++) visitor.answer = (await visited(visitor)).answer;
    visitors.push(visitor);
  }
  for (let visit = 0; visit < (lab.quick ? QUICK_VISITS : VISITS); visit++) {
    for (const visitor of visitors) visitor.times.push((await visited(visitor)).ms);
  }
  for (const { context } of visitors) await context.close();
  const [{ answer: reference }] = visitors;
  const systems = visitors.map(({ system, note, times, wire, answer }) => ({
    system,
    note,
    ms: median(times),
    least: Math.min(...times),
    p95: quantile(times, 0.95),
    calls: times.length,
    wire,
    // What is another model has nothing to agree with.
    ...(note === undefined ? compared([answer], [reference]) : {}),
  }));
  return { name: 'cold', title: `Cold start to the first label, ${await lab.named(MODEL)}`, unit: 'ms', systems };
}

/** Visits once in a browser that has nothing; what was brought, which is compressed from then on. */
async function weighed(lab, address) {
  const context = await lab.browser.newContext();
  lab.server.requests.length = 0;
  await visited({ context, address });
  await context.close();
  const brought = [...new Set(lab.server.requests)].filter((name) => !name.startsWith('/pages/') && name !== '/favicon.ico');
  const sizes = await lab.server.pack(brought);
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
