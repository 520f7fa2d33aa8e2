/** A model and what can be asked of it, off the page's thread. */
/// <reference lib="esnext.disposable" preserve="true" />

import { string, strings } from './arguments.js';
import { bring, type Brought } from './bundle.js';
import { StillglassError } from './errors.js';
import { platform } from './platform.js';
import type { Asked, Opening, Reading } from './protocol.js';
import { Queue, orAbort } from './queue.js';
import type { Company, Thread } from './thread.js';
import type { Answer, AskOptions, BundleSource, LoadOptions, ModelInfo, Timing } from './types.js';
import { compile } from './wasm.js';
import { WorkerThread } from './worker-thread.js';

/** What a classifier is made of. */
export interface Parts {
  thread: Thread;
  /** Opens the bundle on another thread. */
  open: (timing: Timing | undefined) => Promise<Thread>;
  options: LoadOptions;
}

/** Opens a model on the caller's thread. */
export type OwnThread = (opening: Opening) => Promise<Thread>;

/** A bundle, loaded and ready to classify in a worker: all of `Classifier` but work on the caller's thread. */
export class WorkerClassifier {
  /** What the bundle says of itself. */
  readonly info: ModelInfo;
  readonly #open: () => Promise<Thread>;
  readonly #backend: Asked['backend'];
  readonly #queue = new Queue();
  #thread: Thread;
  #timing: Timing | undefined;
  #disposed: StillglassError | undefined;

  protected constructor({ thread, open, options }: Parts) {
    this.info = thread.info;
    this.#thread = thread;
    this.#open = () => open(this.#timing);
    this.#backend = options.backend ?? 'auto';
    this.#timing = options.timing;
  }

  /** Starts a worker, fetches a bundle meanwhile, checks it and opens it there. */
  static load(source: BundleSource | Promise<BundleSource>, options: LoadOptions = {}): Promise<WorkerClassifier> {
    return load((parts) => new WorkerClassifier(parts), undefined, source, options);
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
      company.signal?.throwIfAborted();
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

/** Loads a classifier; `own` opens models on the caller's thread, where that may be asked for. */
export async function load<C extends WorkerClassifier>(
  make: (parts: Parts) => C,
  own: OwnThread | undefined,
  source: BundleSource | Promise<BundleSource>,
  options: LoadOptions,
): Promise<C> {
  const { signal } = options;
  const loading = loaded(make, own, source, options);
  if (signal === undefined) return loading;
  try {
    return await orAbort(loading, signal);
  } catch (error) {
    // What is opened all the same has nobody to close it.
    loading.then((late) => late.dispose()).catch(() => undefined);
    throw error;
  }
}

async function loaded<C>(
  make: (parts: Parts) => C,
  own: OwnThread | undefined,
  source: BundleSource | Promise<BundleSource>,
  options: LoadOptions,
): Promise<C> {
  const threads = threadsOf(own, options);
  const { opening, proved } = await brought(source, options, threads);
  try {
    const open = (timing: Timing | undefined) => threads.open({ ...opening, timing });
    const classifier = make({ thread: await open(options.timing), open, options });
    await proved(true);
    return classifier;
  } catch (error) {
    if (error instanceof StillglassError && error.code === 'bad-bundle') await proved(false);
    throw error;
  }
}

/** Where a classifier's models are opened. */
interface Threads {
  /** Opens a model on a thread that has none. */
  open: OwnThread;
  /** Hears of the runtime before the first bundle is here. */
  prepare: (wasm: WebAssembly.Module) => void;
  /** Ends what was begun for a model that does not come. */
  giveUp: (error: unknown) => void;
}

/** The caller's own thread; or workers, of which the first is begun at once, to load while the rest arrives. */
function threadsOf(own: OwnThread | undefined, options: LoadOptions): Threads {
  const worker = options.worker ?? (own === undefined || (!platform.ownThread && typeof Worker === 'function'));
  if (worker === false) {
    if (own === undefined) {
      throw new StillglassError('bad-argument', "worker: false: this entry works in workers only; import Classifier from 'stillglass'");
    }
    return { open: own, prepare: () => undefined, giveUp: () => undefined };
  }
  const script = typeof worker === 'boolean' ? undefined : worker;
  const first = WorkerThread.begin(script);
  let next: WorkerThread | undefined = first;
  return {
    open: (opening) => {
      const thread = next ?? WorkerThread.begin(script);
      next = undefined;
      return thread.open(opening);
    },
    prepare: (wasm) => first.prepare(wasm),
    giveUp: (error) => first.end(error),
  };
}

/** Brings the bundle and the runtime. */
async function brought(
  source: BundleSource | Promise<BundleSource>,
  options: LoadOptions,
  threads: Threads,
): Promise<Pick<Brought, 'proved'> & { opening: Omit<Opening, 'timing'> }> {
  try {
    const arriving = bring(source, options);
    // Both at once; if both fail, the bundle's failure is told.
    const compiling = compile(options.wasm);
    compiling.then(threads.prepare).catch(() => undefined);
    const { bytes, proved } = await arriving;
    return { opening: { wasm: await compiling, bundle: new Blob([bytes]) }, proved };
  } catch (error) {
    threads.giveUp(error);
    throw error;
  }
}
