/** What can go wrong, with a code for programs and a sentence for people. */

/**
 * What went wrong, for programs:
 *
 * - `unsupported`: what was asked for cannot run here (see `supported`);
 * - `runtime-failed`: the runtime could not be fetched or started, or its file is damaged;
 * - `worker-failed`: the worker's script did not load, or a worker is not to be had here;
 * - `fetch-failed`: the bundle could not be fetched;
 * - `short-body`: the bundle's body ended early, and the rest could not be had;
 * - `integrity`: the bundle is not the one whose SHA-256 was given;
 * - `bad-bundle`: the bytes are not a bundle that this version reads;
 * - `not-started`: a model was made before `start` had finished;
 * - `bad-argument`: what was to be classified is no text, too long, one where the model reads pairs or a pair where it
 *   does not; an option is none; or the model does not have what is asked for;
 * - `freed`: the model was used after `Model.free`, or freed before the call had ended;
 * - `disposed`: the classifier was disposed of before the call, or before the call had ended;
 * - `trapped`: the runtime stopped in mid-call, and where there was a second attempt, in that too;
 * - `failed`: anything else, as the message says.
 */
export type ErrorCode =
  | 'unsupported'
  | 'runtime-failed'
  | 'worker-failed'
  | 'fetch-failed'
  | 'short-body'
  | 'integrity'
  | 'bad-bundle'
  | 'not-started'
  | 'bad-argument'
  | 'freed'
  | 'disposed'
  | 'trapped'
  | 'failed';

/** Every error this package throws; only what its signal has stopped throws the signal's reason instead. */
export class StillglassError extends Error {
  override readonly name = 'StillglassError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An error whose code the runtime has given it, or `failed`. */
export function named(cause: unknown): StillglassError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return new StillglassError(code === 'bad-bundle' ? code : 'failed', messageOf(cause), { cause });
}

/** What an error, or whatever was thrown, says. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
