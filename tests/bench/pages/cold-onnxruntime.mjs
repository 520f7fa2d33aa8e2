/** A page that classifies with onnxruntime-web; the token ids come for nothing. */

import { open } from './onnxruntime.mjs';

export async function first({ input, ...options }) {
  const { prepare, call, probabilities } = await open(options);
  return probabilities(await call(prepare(input)));
}
