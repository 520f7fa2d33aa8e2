/// <reference lib="esnext.disposable" preserve="true" />
/** A model and what can be asked of it, off the page's thread. */

import { string, strings } from './arguments.js';
import { fetchBundle } from './bundle.js';
import { StillglassError } from './errors.js';
import { platform } from './platform.js';
import type { Asked, Reading } from './protocol.js';
import { Queue, orAbort } from './queue.js';
import { Session } from './session.js';
import type { Company, Thread } from './thread.js';
import type { Answer, AskOptions, BundleSource, LoadOptions, ModelInfo, Timing } from './types.js';
import { compile } from './wasm.js';
import { WorkerThread } from './worker-thread.js';

/**
 * A bundle, loaded and ready to classify: by default in a worker of its own.
 *
 * Calls are answered one at a time, in order. If the runtime traps, it is replaced and the call is made once
 * more. {@link Classifier.dispose} gives everything back.
 */
export class Classifier {
  /** What the bundle says of itself. */
  readonly info: ModelInfo;
  readonly #open: () => Promise<Thread>;
  readonly #backend: Asked['backend'];
  readonly #queue = new Queue();
  #thread: Thread;
  #timing: Timing | undefined;
  #disposed: StillglassError | undefined;

  private constructor(thread: Thread, open: (timing?: Timing) => Promise<Thread>, options: LoadOptions) {
    this.info = thread.info;
    this.#thread = thread;
    this.#open = () => open(this.#timing);
    this.#backend = options.backend ?? 'auto';
    this.#timing = options.timing;
  }

  /** Fetches a bundle, checks it, starts a thread for it and opens it there. */
  static async load(source: BundleSource, options: LoadOptions = {}): Promise<Classifier> {
    const { signal } = options;
    const loading = opener(source, options).then(
      async (open) => new Classifier(await open(options.timing), open, options),
    );
    if (signal === undefined) return loading;
    try {
      return await orAbort(loading, signal);
    } catch (error) {
      // What is opened all the same has nobody to close it.
      loading.then((late) => late.dispose()).catch(() => undefined);
      throw error;
    }
  }

  /** Classifies one text. Lone surrogates read as U+FFFD; texts over a million UTF-16 units are refused. */
  async classify(text: string, options: AskOptions = {}): Promise<Answer> {
    const [answer] = await this.#ask([string(text, 'classify')], options);
    if (answer === undefined) throw new StillglassError('failed', 'the runtime gave no answer');
    return answer;
  }

  /** Classifies many texts; each answer is what {@link classify} gives for that text alone, but for its `ms`. */
  async classifyAll(texts: string[], options: AskOptions = {}): Promise<Answer[]> {
    const checked = strings(texts, 'classifyAll');
    return checked.length === 0 ? [] : this.#ask(checked, options);
  }

  /** What the backend `auto` has measured; none until it has. Keep it, and give it to the next `load`. */
  get timing(): Timing | undefined {
    return this.#timing;
  }

  /** Ends the worker and gives all memory back. Calls under way and later ones reject with the code `disposed`. */
  async dispose(): Promise<void> {
    this.#disposed ??= new StillglassError('disposed', 'this classifier has been disposed of; load another');
    this.#thread.end(this.#disposed);
  }

  /** The same, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  async #ask(texts: string[], options: AskOptions): Promise<Answer[]> {
    const { explain = false, backend = this.#backend, signal, onProgress } = options;
    const asked = { texts, explain, backend };
    const { results, ms, timing } = await this.#queue.run(() => this.#read(asked, { signal, onProgress }), signal);
    this.#timing = timing ?? this.#timing;
    return results.map((result) => ({ ...result, ms: ms / texts.length }));
  }

  /** Asks the thread, a fresh one if the last has trapped; and once more if it traps now. */
  async #read(asked: Asked, company: Company): Promise<Reading> {
    try {
      return await (await this.#living()).answer(asked, company);
    } catch (error) {
      if (!(error instanceof StillglassError) || error.code !== 'trapped') throw error;
      return (await this.#living()).answer(asked, company);
    }
  }

  async #living(): Promise<Thread> {
    if (this.#disposed === undefined && this.#thread.over) this.#thread = await this.#open();
    if (this.#disposed !== undefined) {
      this.#thread.end(this.#disposed);
      throw this.#disposed;
    }
    return this.#thread;
  }
}

/** Brings the bundle and the runtime; returns what opens them on a thread, as often as need be. */
async function opener(source: BundleSource, options: LoadOptions): Promise<(timing?: Timing) => Promise<Thread>> {
  const arriving = fetchBundle(source, options);
  // Both at once; if both fail, the bundle's failure is told.
  const compiling = compile(options.wasm);
  compiling.catch(() => undefined);
  const bundle = new Blob([await arriving]);
  const wasm = await compiling;
  const worker = options.worker ?? (!platform.ownThread && typeof Worker === 'function');
  const script = typeof worker === 'boolean' ? undefined : worker;
  return (timing) => {
    const opening = { wasm, bundle, timing };
    return worker === false ? Session.open(opening) : WorkerThread.open(script, opening);
  };
}
