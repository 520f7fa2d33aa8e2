/**
 * Classify and explain short texts with a Stillglass student or its teacher.
 *
 * {@link Classifier} works in a worker, in order, and mends what breaks; {@link Model} is the thin layer under
 * it, on the caller's own thread. Everything that can go wrong is a {@link StillglassError} with a code.
 * Importing this module loads nothing; the first load does.
 */

export { LONGEST_TEXT } from './arguments.js';
export { fetchBundle } from './bundle.js';
export { Classifier } from './classifier.js';
export { StillglassError, type ErrorCode } from './errors.js';
export { Model } from './model.js';
export { halves, joined } from './pair.js';
export { memoryBytes, start } from './runtime.js';
export type * from './types.js';
export { compile, supported } from './wasm.js';
