/** What a page holds once a student is loaded, at its peak, and after many calls. */

import { SYSTEMS, named } from '../systems.mjs';

const MODELS = ['finance', 'student-128'];
const TEXTS = 16;
const TOKENS = 128;
/** Calls after which the heap is to be what it was. */
const CALLS = 100_000;
const QUICK_CALLS = 2_000;
/** Of those the ones after which the peak has been reached. */
const FIRST = 1_000;

export const parts = MODELS.map((model) => ({ name: `memory-${model}`, run: (lab) => memory(lab, model) }));

async function memory(lab, model) {
  const inputs = await lab.inputs(model, TEXTS, TOKENS);
  const systems = [];
  for (const system of ['stillglass, text', ...named('onnxruntime-web').filter((name) => !name.endsWith('WebGPU'))]) {
    const { module, reads, options } = SYSTEMS[system];
    const page = await lab.pages.another(module);
    const empty = await held(page);
    const given = { name: model, model: `/models/${model}/`, file: `one.${options.type}`, inputs: [], ...options };
    await page.evaluate((given) => globalThis.bench.open('memory', given), given);
    const loaded = await held(page);
    await page.evaluate((given) => globalThis.bench.open('memory', given), { ...given, inputs: reads === 'text' ? inputs.texts : inputs.ids });
    const calls = lab.quick ? QUICK_CALLS : CALLS;
    await page.evaluate((calls) => globalThis.bench.time('memory', calls), FIRST);
    const peak = await held(page);
    // The others are not asked whether they are flat, which would take them long.
    if (system.startsWith('stillglass')) await page.evaluate((calls) => globalThis.bench.time('memory', calls), calls - FIRST);
    const after = system.startsWith('stillglass') ? await held(page) : undefined;
    systems.push({ system, empty, loaded, peak, after, calls });
    await page.context().close();
  }
  return { name: `memory-${model}`, title: `Memory, ${model}, ${TOKENS} tokens`, unit: 'bytes', systems };
}

/** Bytes of WebAssembly memory, of JavaScript's heap, and of the page altogether. */
async function held(page) {
  return page.evaluate(async () => {
    globalThis.gc();
    const { bytes } = await performance.measureUserAgentSpecificMemory();
    return { wasm: globalThis.bench.wasmBytes(), heap: performance.memory.usedJSHeapSize, page: bytes };
  });
}
