/** The WebAssembly file, compiled on the page's thread while a worker starts. */

import { supported } from 'stillglass';
import address from 'stillglass/stillglass_bg.wasm?url';

/** A failure with a code that says what the reader can do. */
class RuntimeProblem extends Error {
  readonly code: 'unsupported' | 'runtime-failed';

  constructor(code: RuntimeProblem['code'], message: string) {
    super(message);
    this.code = code;
  }
}

let compiled: Promise<WebAssembly.Module> | undefined;

/** The runtime, fetched and compiled once for all workers; tried again if that failed. */
export function compiledRuntime(): Promise<WebAssembly.Module> {
  compiled ??= compileRuntime();
  compiled.catch(() => (compiled = undefined));
  return compiled;
}

async function compileRuntime(): Promise<WebAssembly.Module> {
  if (!supported()) {
    throw new RuntimeProblem('unsupported', 'WebAssembly with SIMD is missing or switched off here');
  }
  const response = await fetch(address);
  if (!response.ok) {
    throw new RuntimeProblem('runtime-failed', `the server answered ${response.status} for ${response.url}`);
  }
  const bytes = await response.arrayBuffer();
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RuntimeProblem('runtime-failed', `the runtime's file is damaged; reload the page: ${reason}`);
  }
}
