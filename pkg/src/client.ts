/**
 * The entry for pages that only ever work in workers: the same classifier without the runtime's own script,
 * which the worker brings.
 */

export { LONGEST_TEXT } from './arguments.js';
export { fetchBundle } from './bundle.js';
export { StillglassError, type ErrorCode } from './errors.js';
export { halves, joined } from './pair.js';
export type * from './types.js';
export { compile, supported } from './wasm.js';
export { WorkerClassifier as Classifier } from './worker-classifier.js';
