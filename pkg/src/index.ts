/**
 * Classify and explain short texts with a Stillglass student.
 *
 * A thin typed layer over the wasm-bindgen module next to it: it starts the runtime once, fetches
 * bundles, and turns everything that can go wrong into a {@link StillglassError} with a code.
 * Importing this module loads nothing; the first {@link start} or {@link Model.load} does.
 */

import initialise, { Model as RuntimeModel, type InitOutput } from '../dist/stillglass.js';

/** What the model's makers say about it; strings are empty where the bundle is silent. */
export interface Card {
  name: string;
  description: string;
  /** The resolved recipe as TOML text, or its name. */
  recipe: string;
  data: string;
  data_licence: string;
  metrics: Metric[];
  base_model: string;
  base_licence: string;
  /** The day of training, ISO 8601. */
  date: string;
  trainer_version: string;
}

/** One measured figure of a model card. */
export interface Metric {
  name: string;
  value: number;
  /** The rows it was measured on, such as `test`. */
  split: string;
  /** How many training runs the value is the mean of. */
  seeds: number;
  note?: string | null;
}

/** Sizes of a student, by name. */
export interface Architecture {
  vocabulary: number;
  embedding: number;
  hidden: number;
  attention: number;
}

/** What a loaded bundle says of itself. */
export interface ModelInfo {
  /** Class names in the order of `Classification.logits`. */
  labels: string[];
  card: Card;
  architecture: Architecture;
  /** Longer texts are cut after this many tokens, and the result says so. */
  maxTokens: number;
  /** Size of the bundle in bytes. */
  bytes: number;
}

/** A word of the text and what it contributed. */
export interface Word {
  text: string;
  /** First UTF-16 unit of the word in the text, as `String.prototype.slice` counts. */
  start: number;
  /** One past its last UTF-16 unit. */
  end: number;
  /**
   * Contribution to each class's logit, by class name. Over all words, and with the class's bias,
   * contributions add up to the logit.
   */
  weights: Record<string, number>;
}

/** The answer for one text. */
export interface Classification {
  /** The most probable class. */
  label: string;
  /** Probability of each class, by name. */
  scores: Record<string, number>;
  /** Raw scores in the order of `ModelInfo.labels`; 32-bit floats. */
  logits: number[];
  /** Tokens the model read. */
  tokens: number;
  backend: 'cpu';
  /** Present if the text was too long: its token count, and the UTF-16 unit reading stopped at. */
  truncated?: { tokens: number; from: number };
  /** Present if an explanation was asked for. */
  words?: Word[];
  /** Present if an explanation was asked for: each class's score before any word is read. */
  bias?: Record<string, number>;
}

/** What one call may ask for. */
export interface ClassifyOptions {
  /** Also say what every word contributed. Costs nearly nothing. Default: no. */
  explain?: boolean;
}

/**
 * What went wrong, for programs:
 *
 * - `unsupported`: this browser cannot run the runtime (see {@link supported});
 * - `runtime-failed`: the runtime could not be fetched or started, or its file is damaged;
 * - `fetch-failed`: the bundle could not be fetched;
 * - `bad-bundle`: the bytes are not a bundle that this version reads;
 * - `not-started`: a model was made before {@link start} had finished;
 * - `bad-argument`: what was to be classified is no string, or no array of strings;
 * - `freed`: the model was used after {@link Model.free};
 * - `trapped`: the runtime stopped in mid-call; every model of this page or worker is lost;
 * - `failed`: anything else, as the message says.
 */
export type ErrorCode =
  | 'unsupported'
  | 'runtime-failed'
  | 'fetch-failed'
  | 'bad-bundle'
  | 'not-started'
  | 'bad-argument'
  | 'freed'
  | 'trapped'
  | 'failed';

/** Every error this package throws; only a load stopped by its signal throws the signal's reason instead. */
export class StillglassError extends Error {
  override readonly name = 'StillglassError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Where the runtime's `.wasm` may come from; default: the file beside this module. */
export type RuntimeSource = URL | string | Response | BufferSource | WebAssembly.Module;

/** Where a bundle may come from. */
export type BundleSource = URL | string | Response | ArrayBuffer | Uint8Array;

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

/** A loaded bundle, ready to classify. Holds WebAssembly memory until {@link Model.free}. */
export class Model {
  readonly info: ModelInfo;
  #model: RuntimeModel | undefined;

  /** Reads a bundle from its bytes; {@link start} must have finished. */
  constructor(bytes: Uint8Array) {
    if (started === undefined) {
      throw new StillglassError('not-started', 'await start() before making a model');
    }
    const model = guarded(() => new RuntimeModel(bytes));
    this.#model = model;
    this.info = guarded(() => model.info as ModelInfo);
  }

  /** Starts the runtime if need be, fetches the bundle and reads it; `signal` stops the fetching. */
  static async load(source: BundleSource, options: { signal?: AbortSignal } = {}): Promise<Model> {
    const [bytes] = await Promise.all([fetchBundle(source, options.signal), start()]);
    return new Model(bytes);
  }

  /** Classifies one text. Lone surrogates read as U+FFFD. */
  classify(text: string, options: ClassifyOptions = {}): Classification {
    const model = this.#live();
    const checked = string(text, 'classify');
    return guarded(() => model.classify(checked, options.explain ?? false) as Classification);
  }

  /** Classifies many texts; each result is what {@link classify} gives for that text alone. */
  classifyAll(texts: string[], options: ClassifyOptions = {}): Classification[] {
    const model = this.#live();
    const checked = strings(texts);
    return guarded(() => model.classifyAll(checked, options.explain ?? false) as Classification[]);
  }

  /** Returns the model's memory. Calling it twice is fine; using the model afterwards is not. */
  free(): void {
    const model = this.#model;
    this.#model = undefined;
    if (!trapped) model?.free();
  }

  #live(): RuntimeModel {
    if (this.#model === undefined) throw new StillglassError('freed', 'this model has been freed');
    return this.#model;
  }
}

async function fetchBundle(source: BundleSource, signal?: AbortSignal): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  let response: Response;
  try {
    response = source instanceof Response ? source : await fetch(source, signal ? { signal } : {});
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new StillglassError('fetch-failed', `the bundle could not be fetched: ${text(cause)}`, { cause });
  }
  throw new StillglassError(
    'fetch-failed',
    `the bundle could not be fetched: the server answered ${response.status} for ${response.url}`,
  );
}

/** Refuses what is no string: it would make the runtime trap, or be answered as if it were empty. */
function string(text: unknown, place: string): string {
  if (typeof text === 'string') return text;
  throw new StillglassError('bad-argument', `${place}: want a string, found ${kind(text)}`);
}

function strings(texts: unknown): string[] {
  if (!Array.isArray(texts)) {
    throw new StillglassError('bad-argument', `classifyAll: want an array of strings, found ${kind(texts)}`);
  }
  // Not `map`, which passes over holes.
  return Array.from(texts, (text, index) => string(text, `classifyAll, text ${index}`));
}

function kind(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}

/** Runs one call into the runtime and names what it throws. */
function guarded<T>(call: () => T): T {
  if (trapped) {
    throw new StillglassError('trapped', 'the runtime stopped in an earlier call; reload it');
  }
  try {
    return call();
  } catch (cause) {
    if (cause instanceof WebAssembly.RuntimeError) {
      // A trapped instance may hold half-written state: nothing it says later can be trusted.
      trapped = true;
      throw new StillglassError('trapped', `the runtime stopped: ${cause.message}`, { cause });
    }
    throw new StillglassError(codeOf(cause), text(cause), { cause });
  }
}

function startFailure(cause: unknown): StillglassError {
  if (cause instanceof WebAssembly.CompileError || cause instanceof WebAssembly.LinkError) {
    return new StillglassError(
      'runtime-failed',
      `the runtime's file is damaged or of another version; reload it: ${text(cause)}`,
      { cause },
    );
  }
  return new StillglassError('runtime-failed', `the runtime could not be started: ${text(cause)}`, { cause });
}

function codeOf(cause: unknown): ErrorCode {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'bad-bundle' ? code : 'failed';
}

function text(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
