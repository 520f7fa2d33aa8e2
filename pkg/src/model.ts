/** A loaded bundle and what can be asked of it. */

import type { Model as RuntimeModel } from './stillglass.js';
import { beamsOf, check, speaking, textOf, textsOf, way } from './arguments.js';
import { bring } from './bundle.js';
import { chosen, pairsOf } from './choices.js';
import { StillglassError } from './errors.js';
import { sha256 } from './integrity.js';
import { asOne } from './pair.js';
import { start, started, type Runtime } from './runtime.js';
import type { BundleSource, Chosen, Classification, ClassifyOptions, ModelInfo, Reason, ReasonOptions, ReasonToken, RunOptions, Text, Timing } from './types.js';

/** A loaded bundle, ready to classify. Holds WebAssembly memory until {@link Model.free}. */
export class Model {
  readonly info: ModelInfo;
  readonly #runtime: Runtime;
  #model: RuntimeModel | undefined;
  /** How many reasons are being written: what they are written by cannot be freed meanwhile. */
  #writing = 0;

  /**
   * Reads a bundle from its bytes; `start` must have finished. `hash`, if given, is believed to be the SHA-256
   * that the bundle's format defines; else it is computed.
   */
  constructor(bytes: Uint8Array, hash?: string) {
    this.#runtime = started();
    // What is neither would make the runtime trap, and every model of this thread with it.
    if (!(bytes instanceof Uint8Array)) throw new StillglassError('bad-argument', 'Model: want the bundle as a Uint8Array');
    if (hash !== undefined && !/^[0-9a-f]{64}$/.test(hash)) throw new StillglassError('bad-argument', 'Model: hash: want 64 hexadecimal digits in lower case');
    const model = this.#runtime.guarded(() => new this.#runtime.Model(bytes, hash));
    this.#model = model;
    this.info = this.#runtime.guarded(() => model.info as ModelInfo);
  }

  /** Starts the runtime if need be, fetches the bundle and reads it; `signal` stops the fetching. */
  static async load(source: BundleSource, options: { signal?: AbortSignal } = {}): Promise<Model> {
    const [{ bundle }] = await Promise.all([bring(source, options), start()]);
    return Model.open(await bundle.arrayBuffer());
  }

  /**
   * Reads a bundle from its bytes, as the constructor does, but has the browser compute its SHA-256 where it can,
   * which is many times as fast. `start` must have finished.
   */
  static async open(bundle: ArrayBuffer): Promise<Model> {
    const bytes = new Uint8Array(bundle);
    return new Model(bytes, await ownHash(bytes));
  }

  /** Classifies one text, at once and on the CPU; a model of pairs takes two, as a list. Lone surrogates read as U+FFFD. */
  classify(text: Text, options: ClassifyOptions = {}): Classification {
    const model = this.#live();
    const checked = textOf(text, this.info, 'classify');
    return this.#runtime.guarded(() => model.classify(asOne(checked), options.explain ?? false) as Classification);
  }

  /** Classifies many texts; each result is what {@link classify} gives for that text alone. */
  classifyAll(texts: readonly Text[], options: ClassifyOptions = {}): Classification[] {
    const model = this.#live();
    const checked = textsOf(texts, this.info, 'classifyAll');
    return this.#runtime.guarded(() => model.classifyAll(checked.map(asOne), options.explain ?? false) as Classification[]);
  }

  /**
   * Chooses among answers to a question, at once and on the CPU: each is read beside it. A model that does not choose
   * (`info.choices`) refuses with `bad-argument`.
   */
  choose(question: string, choices: readonly string[], options: ClassifyOptions = {}): Chosen {
    return chosen(this.classifyAll(pairsOf(question, choices, this.info), options), this.info.labels);
  }

  /**
   * Why the model says it answers a text as it does, at once and on the CPU: see {@link Reason} for what that is worth.
   * A model that gives none (`info.reasons`) refuses with `bad-argument`.
   */
  reason(text: Text, options: ReasonOptions = {}): Reason {
    check(options, 'reason');
    const model = this.#live();
    speaking(this.info, 'reason');
    const checked = textOf(text, this.info, 'reason');
    const beams = beamsOf(options, 'reason');
    const { signal, onToken } = options;
    signal?.throwIfAborted();
    const told = (token: ReasonToken): boolean => {
      onToken?.(token);
      return this.#model !== undefined && signal?.aborted !== true;
    };
    this.#writing++;
    try {
      const reason = this.#runtime.guarded(() => {
        const written = model.reason(asOne(checked), beams, told) as Reason;
        // Which of several drafts is the one is known at the end only.
        if (beams > 1) written.tokens.every(told);
        return written;
      });
      signal?.throwIfAborted();
      this.#live();
      return reason;
    } finally {
      this.#writing--;
      if (this.#model === undefined) this.#giveBack(model);
    }
  }

  /**
   * Classifies texts on the GPU or the CPU, without holding up this thread for long: for a teacher, for
   * many texts, and for explanations that take their time. What the GPU cannot do, the CPU does.
   */
  async run(texts: readonly Text[], options: RunOptions = {}): Promise<Classification[]> {
    check(options, 'run');
    const { explain = false, backend = 'auto', onProgress, signal } = options;
    const model = this.#live();
    const checked = textsOf(texts, this.info, 'run');
    const explained = way(explain, this.info, 'run');
    signal?.throwIfAborted();
    const watch = (done: number, total: number): boolean => {
      if (signal?.aborted !== true) onProgress?.({ done, total });
      return signal?.aborted !== true;
    };
    try {
      const asked = checked.map(asOne);
      return await this.#runtime.guardedAsync(() => model.run(asked, { explain: explained, backend, watch }) as Promise<Classification[]>);
    } catch (error) {
      signal?.throwIfAborted();
      this.#live();
      throw error;
    }
  }

  /** What the backend `auto` has measured; none until it has. */
  get timing(): Timing | undefined {
    const model = this.#live();
    return this.#runtime.guarded(() => model.timing as Timing | undefined);
  }

  /** Tells what was measured before: on the same device, `auto` then measures nothing. */
  set timing(timing: Timing) {
    const model = this.#live();
    this.#runtime.guarded(() => (model.timing = timing));
  }

  /**
   * Returns the model's memory; what is under way breaks off. Calling it twice is fine; using the model
   * afterwards is not.
   */
  free(): void {
    const model = this.#model;
    this.#model = undefined;
    if (model !== undefined) this.#giveBack(model);
  }

  #giveBack(model: RuntimeModel): void {
    if (this.#writing === 0 && this.#runtime.alive) model.free();
  }

  #live(): RuntimeModel {
    if (this.#model === undefined) throw new StillglassError('freed', 'this model has been freed');
    return this.#model;
  }
}

/** Digits of a SHA-256. */
const DIGITS = 64;

/** The hash that a bundle's own is compared with: that of its bytes with zeros for its digits. Nothing where the browser computes none. */
async function ownHash(bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  const runtime = started();
  const at = runtime.guarded(() => runtime.Model.digits(bytes));
  if (at === undefined || globalThis.crypto?.subtle === undefined) return undefined;
  return sha256(bytes.slice().fill('0'.charCodeAt(0), at, at + DIGITS));
}
