/** What can go wrong, with a code for programs and a sentence for people. */

/**
 * What went wrong, for programs:
 *
 * - `unsupported`: this browser cannot run the runtime (see `supported`);
 * - `runtime-failed`: the runtime could not be fetched or started, or its file is damaged;
 * - `fetch-failed`: the bundle could not be fetched;
 * - `bad-bundle`: the bytes are not a bundle that this version reads;
 * - `not-started`: a model was made before `start` had finished;
 * - `bad-argument`: what was to be classified is no string, or no array of strings;
 * - `freed`: the model was used after `Model.free`, or freed before the call had ended;
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
