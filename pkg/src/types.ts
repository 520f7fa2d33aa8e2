/** What goes into a model and what comes out of it: plain data, copied from the runtime. */

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

/** Two texts that are read together, such as a premise and a hypothesis. */
export type Pair = readonly [first: string, second: string];

/**
 * What a model reads: a string, or a pair where its `ModelInfo.pairs` is true. A list of two and no object with
 * names: `Word.half` is then the place in it, so that `pair[word.half ?? 0].slice(word.start, word.end)` is the word.
 */
export type Text = string | Pair;

/** Sizes of a student, by name. */
export interface Architecture {
  vocabulary: number;
  embedding: number;
  hidden: number;
  attention: number;
  /** Whether a token that stands in both texts of a pair is told so; absent where none is. */
  shared?: true;
  /** Of what writes its reasons; absent where it gives none. */
  decoder?: DecoderArchitecture;
  /** Of its teacher's first layers, where they read a text before it does. */
  encoder?: EncoderArchitecture;
}

/** Sizes of a teacher's layers, by name: of all, or of the first ones before a student. */
export interface EncoderArchitecture {
  hidden: number;
  layers: number;
  heads: number;
  intermediate: number;
  /** Tokens they have places for, special tokens included. */
  positions: number;
}

/** Sizes of what writes a student's reasons, by name. */
export interface DecoderArchitecture {
  hidden: number;
  /** The most tokens of a reason. */
  tokens: number;
  /** What a reason is begun with: 1, the same for every answer, or one for each class. */
  prefixes: number;
}

/** Sizes of a teacher, by name. */
export interface TeacherArchitecture extends EncoderArchitecture {
  vocabulary: number;
}

/** What every loaded bundle says of itself. */
interface AnyModelInfo {
  /** Class names in the order of `Classification.logits`. */
  labels: string[];
  card: Card;
  /** Longer texts are cut after this many tokens, and the result says so. */
  maxTokens: number;
  /** Size of the bundle in bytes. */
  bytes: number;
  /** How the model can explain itself, its own way first. */
  methods: Method[];
  /** Whether it reads pairs of texts; then it reads nothing else. */
  pairs: boolean;
  /** Whether it can be asked for a reason in words. */
  reasons: boolean;
  /** Whether it chooses among answers to a question: its pairs are a question and an answer, its labels `wrong` and `right`. */
  choices: boolean;
}

/** What a loaded bundle says of itself. */
export type ModelInfo = AnyModelInfo &
  ({ kind: 'student'; architecture: Architecture } | { kind: 'teacher'; architecture: TeacherArchitecture });

/**
 * How to find out what each word gave:
 *
 * - `native`: the student's own contributions, exact and free;
 * - `integrated-gradients`: of the teacher, from a baseline of padding;
 * - `occlusion`: either model, what the score loses when a word is dropped, one at a time.
 */
export type Method = 'native' | 'integrated-gradients' | 'occlusion';

/** Where a call is computed; `auto` takes what has been measured to be faster here. */
export type BackendChoice = 'auto' | 'cpu' | 'gpu';

/** A word of the text and what it contributed. */
export interface Word {
  text: string;
  /** First UTF-16 unit of the word in the text, as `String.prototype.slice` counts. */
  start: number;
  /** One past its last UTF-16 unit. */
  end: number;
  /** 1 for a word of the second text of a pair, in which `start` and `end` then count; absent for all others. */
  half?: 1;
  /**
   * Contribution to each class, by class name: with `native` to its logit, with the other methods to what
   * the logit has over the mean of all. With the bias and what the words leave, contributions add up to it.
   */
  weights: Record<string, number>;
}

/** How an explanation was found, and how far its words account for the answer. */
export interface Explanation {
  method: Method;
  /** Points on the way from the baseline to the text; 0 for methods that need none. */
  nodes: number;
  /** The largest gap of a class between its words and its change, relative to the largest change. */
  completeness: number;
  /** What the words leave unaccounted for, special tokens included, by class name. */
  remainder: Record<string, number>;
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
  /** Where it was computed. */
  backend: 'cpu' | 'gpu';
  /** Why the CPU answered what the GPU might have. */
  reason?: string;
  /** Present if the text was too long. */
  truncated?: Truncated;
  /** Present if an explanation was asked for. */
  words?: Word[];
  /** Present if an explanation was asked for: each class's score before any word is read. */
  bias?: Record<string, number>;
  /**
   * Present if a pair was explained: what the place between both texts gave to each class. Words, bias, this and
   * `explanation.remainder` add up to what words, bias and remainder do of one text.
   */
  boundary?: Record<string, number>;
  /** Present if an explanation was asked for. */
  explanation?: Explanation;
}

/** How much of a text was left out. */
export interface Truncated {
  /** Tokens of the whole text, or of both texts of a pair. */
  tokens: number;
  /** How many UTF-16 units of the text were read, or of a pair's first text. */
  from: number;
  /** How many of a pair's second text; of both the longer gave way first. Absent for all other texts. */
  second?: number;
}

/**
 * Why a model says it answers as it does, in words of its own.
 *
 * It is written by the same network, beside the answer, and nothing makes it true or complete: what the answer was
 * computed from is told by `Classification.words`.
 */
export interface Reason {
  /** The class it speaks for: the most probable one. */
  label: string;
  /** The text of all tokens. */
  text: string;
  tokens: ReasonToken[];
}

/** One token of a reason: a word, a part of one or a sign. */
export interface ReasonToken {
  /** What it adds to the reason's text, a blank before it included. */
  text: string;
  /** Its probability after the tokens before it, 0 to 1. */
  probability: number;
  /** How much of that comes from copying a word of the text that was read, rather than from saying one: 0 to 1. */
  copied: number;
  /** How much it looked at each word, in the order of `Classification.words`, of both texts of a pair; the sum is 1 at most. */
  attention: number[];
}

/** The answer to a question with choices; lists are in the order of the choices. */
export interface Chosen {
  /** The place of the likeliest choice. */
  choice: number;
  /** Probability of each choice; they add up to 1. */
  scores: number[];
  /** Score of each choice: by how much the logit of `right` exceeds that of `wrong`, read beside the question. */
  logits: number[];
  /** Tokens the model read, the question's once for each choice. */
  tokens: number;
  /** Where it was computed. */
  backend: 'cpu' | 'gpu';
  /** Why the CPU answered what the GPU might have. */
  reason?: string;
  /** The choices that were too long together with the question: `from` tells how much of that was read beside it, `second` how much of the choice. */
  truncated?: (Truncated & { choice: number })[];
  /** Present if an explanation was asked for: the question's words, then those of the choices. */
  words?: ChoiceWord[];
  /** Present if an explanation was asked for: each choice's score before any word is read. */
  bias?: number[];
  /** Present if an explanation was asked for: what the place between question and choice gave. */
  boundary?: number[];
  /** Present if an explanation was asked for. With words, bias and boundary the remainder adds up to the score. */
  explanation?: Omit<Explanation, 'remainder'> & { remainder: number[] };
}

/** A word of a question or a choice, and what it contributed to the score of each choice. */
export interface ChoiceWord {
  text: string;
  /** First UTF-16 unit of the word in the question or in its choice. */
  start: number;
  /** One past its last UTF-16 unit. */
  end: number;
  /** The choice it stands in; absent for a word of the question. */
  choice?: number;
  /** Contribution to each choice; a word of a choice gives to no other. */
  weights: number[];
}

/** What is asked of a reason. */
export interface ReasonOptions {
  /**
   * How many drafts are kept at each step, the best of which is the reason: a whole number from 1 on, more than 16
   * count as 16. With so many it takes so many times as long. Default: 1.
   */
  beams?: number;
  /** Hears every token: with one beam as soon as it is written, with more once the reason is. */
  onToken?: (token: ReasonToken) => void;
  /** Breaks it off with the signal's reason. A worker does not hear of that while it writes, which takes it some milliseconds. */
  signal?: AbortSignal;
}

/** What one call may ask for. */
export interface ClassifyOptions {
  /** Also say what every word contributed, in the model's own way. A student's costs nearly nothing. Default: no. */
  explain?: boolean;
}

/** How far a call is. */
export interface Progress {
  /** Variants of the texts looked at. */
  done: number;
  /** Variants to look at, as far as is known now; integrated gradients may ask for more. */
  total: number;
}

/** What one call of `Model.run` may ask for. */
export interface RunOptions {
  /** Also say what every word contributed; `true` is the model's own way. Default: no. */
  explain?: Method | boolean;
  /** Default: `auto`. */
  backend?: BackendChoice;
  /** Hears how far the call is, several times a second on most machines. */
  onProgress?: (progress: Progress) => void;
  /** Breaks the call off; it then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What the backend `auto` has measured of a model on this device, in milliseconds: plain data, to be kept. */
export interface Timing {
  /** The GPU. */
  device: string;
  cpu: Cost;
  gpu: Cost;
}

/** What work costs: so much a call, and so much a token. */
export interface Cost {
  call: number;
  token: number;
}

/** Where the runtime's `.wasm` may come from; default: the file beside this module. */
export type RuntimeSource = URL | string | Response | ArrayBuffer | Uint8Array<ArrayBuffer> | WebAssembly.Module;

/** Where a bundle may come from. */
export type BundleSource = URL | string | Response | Blob | ArrayBuffer | Uint8Array;

/** How a classifier is loaded. */
export interface LoadOptions {
  /** Where its calls are computed, unless a call says otherwise. Default: `auto`. */
  backend?: BackendChoice;
  /**
   * Whether work is done in a worker; the address of the worker's script, where it does not lie beside this
   * module; `false` for the caller's own thread. Default: in a worker, and where there are none, such as in
   * Node or a service worker, on the caller's thread.
   */
  worker?: boolean | URL | string;
  /** The runtime's `.wasm`. Default: the file beside this module. */
  wasm?: RuntimeSource;
  /** The bundle's SHA-256, `sha256-` and base64 or in hexadecimal; checked before anything reads the bundle. */
  integrity?: string;
  /**
   * Keeps the bundle in the browser's Cache storage, under this version; `true` is its `integrity`. While the
   * version is the same it is not fetched again. Default: not kept, beyond what the browser does itself.
   */
  cache?: boolean | string;
  /** What an earlier classifier's `timing` was: on the same device, `auto` then measures nothing. */
  timing?: Timing;
  /** Hears how many bytes are here; `total` is unknown where the server does not tell, or compresses. */
  onProgress?: (progress: { loaded: number; total: number | undefined }) => void;
  /** Breaks the loading off; it then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** How a bundle is opened in the place of another. */
export type ReplaceOptions = Omit<LoadOptions, 'worker' | 'wasm'>;

/** What one call of a classifier may ask for. */
export type AskOptions = RunOptions;

/** A classifier's answer to a question. */
export interface ChosenAnswer extends Chosen {
  /** Milliseconds it took, waiting excluded. */
  ms: number;
}

/** A classifier's answer for one text. */
export interface Answer extends Classification {
  /** Milliseconds it took, waiting excluded; a call with many texts shares its time out evenly. */
  ms: number;
}
