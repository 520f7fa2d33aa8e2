/** One thing after the other. */

/** Runs work in the order in which it was asked for, never two pieces at once. */
export class Queue {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Runs `work` when its turn comes. An abort rejects at once with the signal's reason: work whose turn
   * has not come is never begun, and the next waits until work under way has ended.
   */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const turn = this.#last.then(() => {
      signal?.throwIfAborted();
      return work();
    });
    this.#last = turn.catch(() => undefined);
    return orAbort(turn, signal);
  }
}

/** The promise, or a rejection with the signal's reason if that comes first. */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
