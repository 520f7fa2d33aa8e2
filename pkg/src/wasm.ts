/** The WebAssembly file: where it lies, whether it can run here, and its compiling. */

import { StillglassError, messageOf } from './errors.js';
import { platform } from './platform.js';
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

/** What was fetched by address: compiled once for every worker and every restart. */
const compiled = new Map<string, Promise<WebAssembly.Module>>();

/** Whether this browser has what the runtime needs: WebAssembly with SIMD and reference types. */
export function supported(): boolean {
  return typeof WebAssembly !== 'undefined' && WebAssembly.validate(PROBE);
}

/** The compiled runtime, by default from the file beside this one. What failed is tried again when asked again. */
export async function compile(source?: RuntimeSource): Promise<WebAssembly.Module> {
  if (!supported()) {
    throw new StillglassError('unsupported', 'WebAssembly with SIMD is missing or switched off here; use a current browser');
  }
  try {
    return await compileFrom(source ?? (await platform.wasm?.()) ?? new URL('./stillglass_bg.wasm', import.meta.url));
  } catch (cause) {
    throw failure(cause);
  }
}

async function compileFrom(source: RuntimeSource): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof Response) return compileResponse(source);
  if (!(source instanceof URL) && typeof source !== 'string') return WebAssembly.compile(source);
  const address = String(source);
  const made = compiled.get(address) ?? compileAddress(address);
  compiled.set(address, made);
  made.catch(() => compiled.delete(address));
  return made;
}

async function compileAddress(address: string): Promise<WebAssembly.Module> {
  const bytes = await platform.read?.(address);
  return bytes === undefined ? compileResponse(await fetch(address)) : WebAssembly.compile(bytes);
}

async function compileResponse(response: Response): Promise<WebAssembly.Module> {
  if (!response.ok) {
    throw new StillglassError('runtime-failed', `the runtime: the server answered ${response.status} for ${response.url}`);
  }
  // Streaming refuses any other type, and not every server knows this one.
  const streams = response.headers.get('content-type') === 'application/wasm';
  if (streams && typeof WebAssembly.compileStreaming === 'function') return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}

function failure(cause: unknown): StillglassError {
  if (cause instanceof StillglassError) return cause;
  const damaged = cause instanceof WebAssembly.CompileError;
  const what = damaged ? "the runtime's file is damaged; reload it" : 'the runtime could not be fetched';
  return new StillglassError('runtime-failed', `${what}: ${messageOf(cause)}`, { cause });
}
