/** Stillglass's module alone, ids → logits on the CPU; built with one entry more than the one that ships. */

import { softmax } from './softmax.mjs';

/** By build, `simd` or `scalar`: the module, instantiated once. */
const instances = new Map();

async function instanceOf(build) {
  const { instance } = await import(`/modules/${build}/stillglass.js`);
  const found = instance((task) => queueMicrotask(task));
  await found.initialise({ module_or_path: `/modules/${build}/stillglass_bg.wasm` });
  return found;
}

export async function open({ model: folder, build, many = false }) {
  if (!instances.has(build)) instances.set(build, instanceOf(build));
  const { Model } = await instances.get(build);
  const response = await fetch(`${folder}model.glass`);
  const model = new Model(new Uint8Array(await response.arrayBuffer()));
  const prepare = (ids) => Uint32Array.from(ids);
  const call = (ids) => model.classifyIds(ids);
  const close = () => model.free();
  if (many) return { prepare: (texts) => texts.map(prepare), call: (texts) => texts.map(call), probabilities: (all) => all.map(softmax), close };
  return { prepare, call, probabilities: softmax, close };
}

/** Token ids of texts, for everything that takes no text. */
globalThis.encode = async (folder, texts) => {
  if (!instances.has('simd')) instances.set('simd', instanceOf('simd'));
  const { Model } = await instances.get('simd');
  const response = await fetch(`${folder}model.glass`);
  const model = new Model(new Uint8Array(await response.arrayBuffer()));
  const ids = texts.map((text) => Array.from(model.encode(text)));
  model.free();
  return ids;
};
