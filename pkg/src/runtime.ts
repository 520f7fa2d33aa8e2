/** The WebAssembly instance of this thread: its start, its end if it traps, and the next one. */

import { instance, type Instance } from './stillglass.js';
import { StillglassError, messageOf, named } from './errors.js';
import type { RuntimeSource } from './types.js';
import { compile } from './wasm.js';

/** One instance, alive until it traps. */
export class Runtime {
  readonly #instance: Instance;
  #memory: WebAssembly.Memory | undefined;
  #trap: StillglassError | undefined;
  /** What breaks off the calls under way, should the instance trap. */
  readonly #underWay = new Set<(trap: StillglassError) => void>();

  private constructor() {
    // A trap inside a future surfaces here, where nobody else would hear of it.
    this.#instance = instance((task) => queueMicrotask(() => this.#drive(task)));
  }

  /** Starts an instance of its own. */
  static async start(module: WebAssembly.Module): Promise<Runtime> {
    const runtime = new Runtime();
    try {
      runtime.#memory = (await runtime.#instance.initialise({ module_or_path: module })).memory;
    } catch (cause) {
      const message = `the runtime could not be started, its file may be of another version; reload it: ${messageOf(cause)}`;
      throw new StillglassError('runtime-failed', message, { cause });
    }
    return runtime;
  }

  /** Makes models of this instance. */
  get Model(): Instance['Model'] {
    return this.#instance.Model;
  }

  /** Bytes of WebAssembly memory it holds. */
  get memoryBytes(): number {
    return this.#memory?.buffer.byteLength ?? 0;
  }

  /** Whether it still answers. */
  get alive(): boolean {
    return this.#trap === undefined;
  }

  /** Runs one call into the instance and names what it throws. */
  guarded<T>(call: () => T): T {
    this.#requireAlive();
    try {
      return call();
    } catch (cause) {
      throw this.#failure(cause);
    }
  }

  /** The same for a call that takes its time; it ends with the instance, if that ends first. */
  async guardedAsync<T>(call: () => Promise<T>): Promise<T> {
    this.#requireAlive();
    let stop!: (trap: StillglassError) => void;
    const trapped = new Promise<never>((_, reject) => (stop = reject));
    this.#underWay.add(stop);
    try {
      return await Promise.race([call(), trapped]);
    } catch (cause) {
      throw cause === this.#trap ? cause : this.#failure(cause);
    } finally {
      this.#underWay.delete(stop);
    }
  }

  #requireAlive(): void {
    if (!this.alive) {
      throw new StillglassError('trapped', 'the runtime stopped in an earlier call; await start() and make the model anew');
    }
  }

  #drive(task: () => void): void {
    try {
      task();
    } catch (cause) {
      if (!isTrap(cause)) throw cause;
      this.#failure(cause);
    }
  }

  #failure(cause: unknown): StillglassError {
    if (!isTrap(cause)) return named(cause);
    // A trapped instance may hold half-written state: nothing it says later can be trusted.
    const trap = new StillglassError('trapped', `the runtime stopped: ${cause.message}`, { cause });
    this.#trap ??= trap;
    for (const stop of this.#underWay) stop(this.#trap);
    return trap;
  }
}

/** A trap, or a stack used up, which some browsers report in words of their own. */
function isTrap(cause: unknown): cause is Error {
  if (cause instanceof WebAssembly.RuntimeError) return true;
  return cause instanceof Error && /call stack|too much recursion/i.test(cause.message);
}

let starting: Promise<Runtime> | undefined;
let current: Runtime | undefined;

/**
 * Fetches, compiles and starts the runtime of this thread, once; `source` counts for the call that starts
 * it. After a failure or a trap it starts another.
 */
export async function start(source?: RuntimeSource): Promise<void> {
  if (current?.alive) return;
  starting ??= compile(source).then((module) => Runtime.start(module));
  try {
    current = await starting;
  } finally {
    starting = undefined;
  }
}

/** The runtime of this thread, which must have been started. */
export function started(): Runtime {
  if (current === undefined) throw new StillglassError('not-started', 'await start() before making a model');
  return current;
}

/** Bytes of WebAssembly memory the runtime of this thread holds now; 0 before {@link start}. */
export function memoryBytes(): number {
  return current?.memoryBytes ?? 0;
}
