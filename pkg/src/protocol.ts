/** Messages between a page and the worker of one classifier. */

import type { BackendChoice, Classification, Method, ModelInfo, Progress, Reason, ReasonToken, Text, Timing } from './types.js';

/** What a thread needs to open its model. */
export interface Opening {
  wasm: WebAssembly.Module;
  // A blob: the browser may keep it out of memory, and sending it copies nothing.
  bundle: Blob;
  /** What was measured of the model before. */
  timing: Timing | undefined;
}

/** One call. */
export interface Asked {
  texts: Text[];
  explain: Method | boolean;
  backend: BackendChoice;
}

/** The answer to a call. */
export interface Reading {
  results: Classification[];
  /** Milliseconds, tokenizing and explaining included. */
  ms: number;
  /** What has been measured of the model's backends by now. */
  timing: Timing | undefined;
}

/** One call for a reason. */
export interface ReasonAsked {
  text: Text;
  beams: number;
}

/** What a call is answered with. */
export type Said = ModelInfo | Reading | Reason;

/** What a worker answers; one call at a time. */
export type Call = { open: Opening } | { ask: Asked } | { reason: ReasonAsked };

/** What a worker hears: a call, that nobody waits for it any more, or the runtime before the first call. */
export type Message = Call | 'cancel' | { start: WebAssembly.Module };

/** A failure as plain data: errors lose their fields between threads. */
export interface Failure {
  code: string;
  message: string;
}

/** What a worker says on the way: how far a call is, or the next token of a reason. */
export type Step = { progress: Progress } | { token: ReasonToken };

/** What a worker says: a step of a call, or how it ended. */
export type Reply = Step | { answer: Said; memoryBytes: number } | { failure: Failure };
