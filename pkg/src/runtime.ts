/** The WebAssembly instance: whether it can run here, its start, and its end if it traps. */

import initialise, { type InitOutput } from '../dist/stillglass.js';
import { StillglassError, messageOf, named } from './errors.js';
import type { RuntimeSource } from './types.js';

/**
 * A module with the two features of the runtime that came last: a table of `externref`, and a function
 * that returns a vector.
 */
const PROBE = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // the magic number and version
  ...[1, 5, 1, 0x60, 0, 1, 0x7b], // type: () -> v128
  ...[3, 2, 1, 0], // one function of it
  ...[4, 4, 1, 0x6f, 0, 0], // one empty table of externref
  ...[10, 10, 1, 8, 0, 0x41, 0, 0xfd, 0x0f, 0xfd, 0x62, 0x0b], // i32.const 0, i8x16.splat, i8x16.popcnt
);

let starting: Promise<InitOutput> | undefined;
let started: InitOutput | undefined;
let trapped = false;

/** Whether this browser has what the runtime needs: WebAssembly with SIMD and reference types. */
export function supported(): boolean {
  return typeof WebAssembly !== 'undefined' && WebAssembly.validate(PROBE);
}

/**
 * Fetches, compiles and starts the runtime. Later calls return the first call's promise, unless
 * that call failed; then they try again.
 */
export async function start(source?: RuntimeSource): Promise<void> {
  if (!supported()) {
    throw new StillglassError('unsupported', 'this browser has no WebAssembly with SIMD; use a current one');
  }
  starting ??= initialise({
    module_or_path: source ?? new URL('../dist/stillglass_bg.wasm', import.meta.url),
  });
  try {
    started = await starting;
  } catch (cause) {
    starting = undefined;
    throw startFailure(cause);
  }
}

/** Bytes of WebAssembly memory the runtime holds now; 0 before {@link start}. */
export function memoryBytes(): number {
  return started?.memory.buffer.byteLength ?? 0;
}

/** Refuses to go on before {@link start} has finished. */
export function requireStarted(): void {
  if (started === undefined) throw new StillglassError('not-started', 'await start() before making a model');
}

/** Whether the instance still answers. */
export function alive(): boolean {
  return !trapped;
}

/** Runs one call into the runtime and names what it throws. */
export function guarded<T>(call: () => T): T {
  requireAlive();
  try {
    return call();
  } catch (cause) {
    throw failure(cause);
  }
}

/** The same for a call that takes its time. */
export async function guardedAsync<T>(call: () => Promise<T>): Promise<T> {
  requireAlive();
  try {
    return await call();
  } catch (cause) {
    throw failure(cause);
  }
}

function requireAlive(): void {
  if (trapped) throw new StillglassError('trapped', 'the runtime stopped in an earlier call; reload it');
}

function failure(cause: unknown): StillglassError {
  if (!(cause instanceof WebAssembly.RuntimeError)) return named(cause);
  // A trapped instance may hold half-written state: nothing it says later can be trusted.
  trapped = true;
  return new StillglassError('trapped', `the runtime stopped: ${cause.message}`, { cause });
}

function startFailure(cause: unknown): StillglassError {
  if (cause instanceof WebAssembly.CompileError || cause instanceof WebAssembly.LinkError) {
    return new StillglassError(
      'runtime-failed',
      `the runtime's file is damaged or of another version; reload it: ${messageOf(cause)}`,
      { cause },
    );
  }
  return new StillglassError('runtime-failed', `the runtime could not be started: ${messageOf(cause)}`, { cause });
}
