/** Messages between the page and a worker that runs models. */

import type { Classification, ModelInfo, Progress, Timing } from 'stillglass';

/** What the page asks for. Requests are answered in order, one at a time. */
export type Request =
  | { kind: 'start'; runtime: WebAssembly.Module }
  // A blob: the browser may keep it out of memory, and sending it copies nothing.
  | { kind: 'open'; id: string; bytes: Blob; timing: Timing | undefined }
  | { kind: 'classify'; id: string; text: string; explain: boolean }
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
  /** What the runtime has measured of the model's backends by now. */
  timing: Timing | undefined;
}

/** A request with the number its reply will carry. */
export interface Call {
  call: number;
  request: Request;
}

/** What a worker hears: a call, or that nobody waits for one any more. */
export type Message = Call | { cancel: number };

/** A failure as plain data: errors lose their fields between threads. */
export interface Failure {
  code: string;
  message: string;
}

/** The end of one call. */
export type Outcome = { call: number; answer: unknown } | { call: number; failure: Failure };

/** What a worker says: how a call ended, or how far it is. */
export type Reply = Outcome | { call: number; progress: Progress };
