/** A page that classifies with transformers.js. */

import { open } from './transformers.mjs';

export async function first({ input, ...options }) {
  const { prepare, call, probabilities } = await open(options);
  return probabilities(await call(prepare(input)));
}
