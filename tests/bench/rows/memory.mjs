/** What a page holds once a student is loaded, at its peak, and after many calls. */

import { SYSTEMS, named } from '../systems.mjs';

const MODELS = ['finance', 'student-128'];
/** Texts of each of these lengths. */
const TEXTS = 4;
const LENGTHS = [128, 8, 16, 32];
/** Calls after which the heap is to be what it was. */
const CALLS = 100_000;
const QUICK_CALLS = 2_000;
/** Of those the ones after which the peak has been reached. */
const FIRST = 1_000;

export const parts = MODELS.map((model) => ({ name: `memory-${model}`, run: (lab) => memory(lab, model) }));

async function memory(lab, model) {
  const found = [];
  for (const tokens of LENGTHS) found.push(await lab.inputs(model, TEXTS, tokens));
  const inputs = { texts: found.flatMap(({ texts }) => texts), ids: found.flatMap(({ ids }) => ids) };
  const all = lab.quick ? QUICK_CALLS : CALLS;
  const systems = [];
  for (const system of ['stillglass, text', ...named('onnxruntime-web').filter((name) => !name.endsWith('WebGPU'))]) {
    const { module, reads, options } = SYSTEMS[system];
    const page = await lab.pages.another(module);
    const empty = await held(page);
    const given = { name: model, model: `/models/${model}/`, file: `one.${options.type}`, ...options };
    const open = (row, inputs) => page.evaluate(([row, asked]) => globalThis.bench.open(row, asked), [row, { ...given, inputs }]);
    const call = (calls) => page.evaluate((calls) => globalThis.bench.time('answers', calls), calls);
    await open('loaded', []);
    const loaded = await held(page);
    await page.evaluate(() => globalThis.bench.close('loaded'));
    await open('answers', inputs[reads === 'text' ? 'texts' : 'ids']);
    await call(FIRST);
    const peak = await held(page);
    // The others are not asked whether they are flat, which would take them long.
    const flat = system.startsWith('stillglass');
    const calls = flat ? all : FIRST;
    if (flat) await call(calls - FIRST);
    const after = flat ? await held(page) : undefined;
    systems.push({ system, empty, loaded, peak, after, calls });
    await page.context().close();
  }
  return { name: `memory-${model}`, title: `Memory, ${model}`, unit: 'bytes', systems };
}

/** Bytes of WebAssembly memory and of JavaScript's heap. */
async function held(page) {
  return page.evaluate(() => {
    globalThis.gc();
    return { wasm: globalThis.bench.wasmBytes(), heap: performance.memory.usedJSHeapSize };
  });
}
