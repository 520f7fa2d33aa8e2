/** transformers.js, text → label: its pipeline for a BERT teacher; for a student, which it has no class for, its tokenizer before onnxruntime-web. */

import { AutoTokenizer, env, pipeline } from '/transformers/transformers.min.js';
import { open as openSession } from './onnxruntime.mjs';

env.allowLocalModels = true;
env.allowRemoteModels = false;
env.localModelPath = '/models/';
env.useBrowserCache = false;
env.useWasmCache = false;
env.backends.onnx.wasm.numThreads = 1;
env.backends.onnx.wasm.wasmPaths = '/transformers-onnxruntime/';

/** The names it has for the types of weights. */
const TYPES = { f32: 'fp32', u8: 'uint8', i8: 'int8' };

export async function open({ name, model, type, pipelined }) {
  if (pipelined) {
    const classify = await pipeline('text-classification', name, { dtype: TYPES[type], device: 'wasm' });
    const labels = Object.values(classify.model.config.id2label);
    const probabilities = (found) => labels.map((label) => found.find((one) => one.label === label).score);
    return { prepare: (text) => text, call: (text) => classify(text, { top_k: null }), probabilities, close: () => classify.dispose() };
  }
  const tokenizer = await AutoTokenizer.from_pretrained(name);
  const session = await openSession({ model, file: `one.${type}` });
  const call = (text) => session.call(session.prepare(tokenizer.encode(text)));
  return { prepare: (text) => text, call, probabilities: session.probabilities, close: session.close };
}
