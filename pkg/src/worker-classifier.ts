/** A model and what can be asked of it, off the page's thread. */
/// <reference lib="esnext.disposable" preserve="true" />

import { beamsOf, check, speaking, textOf, textsOf, way } from './arguments.js';
import { bring, type Brought } from './bundle.js';
import { chosen, pairsOf } from './choices.js';
import { StillglassError } from './errors.js';
import { platform } from './platform.js';
import type { Opening } from './protocol.js';
import { Queue, orAbort } from './queue.js';
import type { Thread } from './thread.js';
import type { Answer, AskOptions, BackendChoice, BundleSource, ChosenAnswer, LoadOptions, ModelInfo, Reason, ReasonOptions, ReasonToken, ReplaceOptions, Text, Timing } from './types.js';
import { compile } from './wasm.js';
import { WorkerThread } from './worker-thread.js';

/** What a classifier is made of. */
export interface Parts {
  thread: Thread;
  threads: Threads;
  opening: Opening;
  backend: BackendChoice;
}

/** Opens a model on the caller's thread. */
export type OwnThread = (opening: Opening) => Promise<Thread>;

/** A bundle, loaded and ready to classify in a worker: all of `Classifier` but work on the caller's thread. */
export class WorkerClassifier {
  /** What the bundle says of itself. */
  readonly info: ModelInfo;
  readonly #parts: Parts;
  readonly #queue = new Queue();
  /** None once it has been handed over. */
  #thread: Thread | undefined;
  /** Whether another bundle is open on its thread, for which nobody waits. */
  #displaced = false;
  #timing: Timing | undefined;
  #disposed: StillglassError | undefined;

  protected constructor(parts: Parts) {
    this.info = parts.thread.info;
    this.#parts = parts;
    this.#thread = parts.thread;
    this.#timing = parts.opening.timing;
  }

  /** Starts a worker, fetches a bundle meanwhile, checks it and opens it there. */
  static load(source: BundleSource | Promise<BundleSource>, options: LoadOptions = {}): Promise<WorkerClassifier> {
    return load((parts) => new WorkerClassifier(parts), undefined, source, options);
  }

  /**
   * Classifies one text; a model of pairs takes two, as a list. Lone surrogates read as U+FFFD; texts over a million
   * UTF-16 units, both of a pair together, are refused.
   */
  async classify(text: Text, options: AskOptions = {}): Promise<Answer> {
    const checked = textOf(text, this.info, 'classify');
    check(options, 'classify');
    const explain = way(options.explain ?? false, this.info, 'classify');
    const [answer] = await this.#ask([checked], { ...options, explain });
    if (answer === undefined) throw new StillglassError('failed', 'the runtime gave no answer');
    return answer;
  }

  /** Classifies many texts; each answer is what {@link classify} gives for that text alone, but for its `ms`. */
  async classifyAll(texts: readonly Text[], options: AskOptions = {}): Promise<Answer[]> {
    const checked = textsOf(texts, this.info, 'classifyAll');
    check(options, 'classifyAll');
    const explain = way(options.explain ?? false, this.info, 'classifyAll');
    return checked.length === 0 ? [] : this.#ask(checked, { ...options, explain });
  }

  /**
   * Chooses among answers to a question: each is read beside it. A model that does not choose (`info.choices`) refuses
   * with `bad-argument`.
   */
  async choose(question: string, choices: readonly string[], options: AskOptions = {}): Promise<ChosenAnswer> {
    const answers = await this.classifyAll(pairsOf(question, choices, this.info), options);
    return { ...chosen(answers, this.info.labels), ms: answers.reduce((sum, { ms }) => sum + ms, 0) };
  }

  /**
   * Why the model says it answers a text as it does, token by token as it is written: see {@link Reason} for what that
   * is worth. A model that gives none (`info.reasons`) refuses with `bad-argument`. Its turn comes after the calls before.
   */
  async reason(text: Text, options: ReasonOptions = {}): Promise<Reason> {
    check(options, 'reason');
    speaking(this.info, 'reason');
    const asked = { text: textOf(text, this.info, 'reason'), beams: beamsOf(options, 'reason') };
    const { signal, onToken } = options;
    let told = 0;
    const attempt = (thread: Thread): Promise<Reason> => {
      let at = 0;
      const tell = (token: ReasonToken) => {
        // Written once more after a trap, it begins anew: what was told is not told again.
        if (++at <= told) return;
        told = at;
        onToken?.(token);
      };
      return thread.reason(asked, { signal, ...(onToken && { onToken: tell }) });
    };
    return this.#queue.run(() => this.#twice(attempt, signal), signal);
  }

  /** What the backend `auto` has measured; none until it has. Keep it, and give it to the next `load`. */
  get timing(): Timing | undefined {
    return this.#timing;
  }

  /** Bytes of WebAssembly memory its thread held after the last answer, or after loading; 0 once it has been disposed of. */
  get memoryBytes(): number {
    return this.#disposed === undefined ? (this.#thread?.memoryBytes ?? 0) : 0;
  }

  /**
   * Opens another bundle in the same worker, once the calls before have ended, and disposes of this classifier.
   * Should that fail or be broken off, this one goes on.
   */
  async replace(source: BundleSource | Promise<BundleSource>, options: ReplaceOptions = {}): Promise<WorkerClassifier> {
    unheard(source);
    check(options, 'replace');
    const { bundle, proved } = await orAbort(bring(source, options), options.signal);
    const opening = { wasm: this.#parts.opening.wasm, bundle, timing: options.timing };
    return proving(proved, () => this.#queue.run(() => this.#replace(opening, options), options.signal));
  }

  /** Ends the worker and gives all memory back. Calls under way and later ones reject with the code `disposed`. */
  async dispose(): Promise<void> {
    this.#disposed ??= new StillglassError('disposed', 'this classifier has been disposed of; load another');
    this.#thread?.end(this.#disposed);
  }

  /** The same, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  async #replace(opening: Opening, { backend = this.#parts.backend, signal }: ReplaceOptions): Promise<WorkerClassifier> {
    const thread = await this.#living();
    await thread.replace(opening);
    // Nobody waits for the new one any more, and the old one is gone from there: it is opened again when asked.
    this.#displaced = signal?.aborted === true;
    signal?.throwIfAborted();
    if (this.#disposed !== undefined) throw this.#disposed;
    this.#disposed = new StillglassError('disposed', 'this classifier has been replaced by another');
    this.#thread = undefined;
    return new WorkerClassifier({ ...this.#parts, thread, opening, backend });
  }

  async #ask(texts: Text[], options: AskOptions): Promise<Answer[]> {
    const { explain = false, backend = this.#parts.backend, signal, onProgress } = options;
    const asked = { texts, explain, backend };
    const attempt = (thread: Thread) => thread.answer(asked, { signal, onProgress });
    const { results, ms, timing } = await this.#queue.run(() => this.#twice(attempt, signal), signal);
    this.#timing = timing ?? this.#timing;
    return results.map((result) => ({ ...result, ms: ms / texts.length }));
  }

  /** Asks the thread, a fresh one if the last has trapped; and once more if it traps now. */
  async #twice<T>(attempt: (thread: Thread) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    try {
      return await attempt(await this.#living());
    } catch (error) {
      if (!(error instanceof StillglassError) || error.code !== 'trapped') throw error;
      signal?.throwIfAborted();
      return attempt(await this.#living());
    }
  }

  async #living(): Promise<Thread> {
    const { threads, opening } = this.#parts;
    let thread = this.#thread;
    const own = { ...opening, timing: this.#timing };
    if (this.#disposed === undefined && (thread === undefined || thread.over)) {
      thread = this.#thread = await threads.open(own);
    } else if (this.#disposed === undefined && this.#displaced) await thread?.replace(own);
    this.#displaced = false;
    if (this.#disposed === undefined && thread !== undefined) return thread;
    thread?.end(this.#disposed);
    throw this.#disposed;
  }
}

/** Loads a classifier; `own` opens models on the caller's thread, where that may be asked for. */
export async function load<C extends WorkerClassifier>(
  make: (parts: Parts) => C,
  own: OwnThread | undefined,
  source: BundleSource | Promise<BundleSource>,
  options: LoadOptions,
): Promise<C> {
  unheard(source);
  check(options, 'load');
  const loading = loaded(make, own, source, options);
  try {
    return await orAbort(loading, options.signal);
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
  // What is awaited here may never settle: a worker begun for it would run on.
  const giveUp = () => threads.giveUp(options.signal?.reason);
  options.signal?.addEventListener('abort', giveUp, { once: true });
  try {
    const { opening, proved } = await brought(source, options, threads);
    return await proving(proved, async () => {
      const thread = await threads.open(opening);
      return make({ thread, threads, opening, backend: options.backend ?? 'auto' });
    });
  } finally {
    options.signal?.removeEventListener('abort', giveUp);
  }
}

/** What has failed before it was awaited is told where it is. */
function unheard(source: BundleSource | Promise<BundleSource>): void {
  if (source instanceof Promise) source.catch(() => undefined);
}

/** Opens a bundle, and tells whether it could be read. */
async function proving<C>(proved: Brought['proved'], open: () => Promise<C>): Promise<C> {
  try {
    const classifier = await open();
    // What cannot be kept is used all the same.
    await proved(true).catch(() => undefined);
    return classifier;
  } catch (error) {
    if (error instanceof StillglassError && error.code === 'bad-bundle') await proved(false);
    throw error;
  }
}

/** Where a classifier's models are opened. */
export interface Threads {
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
): Promise<Pick<Brought, 'proved'> & { opening: Opening }> {
  try {
    const arriving = bring(source, options);
    // Both at once; if both fail, the bundle's failure is told.
    const compiling = compile(options.wasm);
    compiling.then(threads.prepare).catch(() => undefined);
    const { bundle, proved } = await arriving;
    return { opening: { wasm: await compiling, bundle, timing: options.timing }, proved };
  } catch (error) {
    threads.giveUp(error);
    throw error;
  }
}
