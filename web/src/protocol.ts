/** Messages between the page and the worker that runs the models. */

import type { Classification, ModelInfo } from 'stillglass';

/** What the page asks for. Requests are answered in order, one at a time. */
export type Request =
  | { kind: 'start'; runtime: WebAssembly.Module }
  | { kind: 'open'; id: string; bytes: Uint8Array }
  | { kind: 'classify'; id: string; text: string }
  | { kind: 'close'; id: string };

/** What each kind of request is answered with. */
export interface Answers {
  start: undefined;
  open: ModelInfo;
  classify: Reading;
  close: undefined;
}

/** A text's classification, and how long the runtime took for it. */
export interface Reading {
  text: string;
  result: Classification;
  /** Milliseconds, tokenizing and explaining included. */
  ms: number;
}

/** A request with the number its reply will carry. */
export interface Call {
  call: number;
  request: Request;
}

/** A failure as plain data: errors lose their fields between threads. */
export interface Failure {
  code: string;
  message: string;
}

/** The answer to one call. */
export type Reply = { call: number; answer: unknown } | { call: number; failure: Failure };
