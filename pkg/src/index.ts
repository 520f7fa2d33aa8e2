/**
 * Classify and explain short texts with a Stillglass student or its teacher.
 *
 * A thin typed layer over the wasm-bindgen module next to it: it starts the runtime once, fetches
 * bundles, and turns everything that can go wrong into a {@link StillglassError} with a code.
 * Importing this module loads nothing; the first {@link start} or {@link Model.load} does.
 */

export { StillglassError, type ErrorCode } from './errors.js';
export { Model } from './model.js';
export { memoryBytes, start, supported } from './runtime.js';
export type * from './types.js';
