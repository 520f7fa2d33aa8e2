/** onnxruntime-web, ids → logits: WebAssembly on one thread, or WebGPU. */

import { softmax, softmaxes } from './softmax.mjs';

const OPTIONS = { graphOptimizationLevel: 'all', executionMode: 'sequential', enableCpuMemArena: true, enableMemPattern: true };

const runtimes = new Map();

/** The build that has the provider and nothing else. */
async function runtimeOf(provider) {
  const ort = await import(`/onnxruntime/ort.${provider}.min.mjs`);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = '/onnxruntime/';
  ort.env.logLevel = 'error';
  return ort;
}

export async function open({ model: folder, file, provider = 'wasm', many = false }) {
  if (!runtimes.has(provider)) runtimes.set(provider, runtimeOf(provider));
  const ort = await runtimes.get(provider);
  const session = await ort.InferenceSession.create(`${folder}${file}.onnx`, { ...OPTIONS, executionProviders: [provider] });
  const call = async (feeds) => (await session.run(feeds)).logits.data;
  const close = () => session.release();
  if (many) return { prepare: (batches) => batches.map((texts) => padded(ort, texts)), call: inTurn(call), probabilities: (all) => all.flatMap((logits) => softmaxes(logits, 3)), close };
  return { prepare: (ids) => ({ ids: tensor(ort, ids, [1, ids.length]) }), call, probabilities: softmax, close };
}

/** Batch after batch. */
const inTurn = (call) => async (batches) => {
  const answers = [];
  for (const batch of batches) answers.push(await call(batch));
  return answers;
};

function padded(ort, texts) {
  const longest = Math.max(...texts.map((ids) => ids.length));
  const ids = texts.flatMap((ids) => [...ids, ...new Array(longest - ids.length).fill(0)]);
  const lengths = Int32Array.from(texts, (ids) => ids.length);
  return { ids: tensor(ort, ids, [texts.length, longest]), lengths: new ort.Tensor('int32', lengths, [texts.length]) };
}

function tensor(ort, ids, shape) {
  return new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), shape);
}
