/** Work that follows typing. */

/**
 * Returns a function that asks for `work`. However often it is called, `work` runs at most once a
 * frame and never twice at once; a call during a run leads to one more run, with what is newest.
 */
export function latest(work: () => Promise<void>): () => void {
  let wanted = false;
  let running = false;
  const run = async () => {
    wanted = false;
    try {
      await work();
    } finally {
      running = false;
      if (wanted) ask();
    }
  };
  const ask = () => {
    wanted = true;
    if (running) return;
    running = true;
    requestAnimationFrame(() => void run());
  };
  return ask;
}

/** Returns a function that runs `work` once it has not been called for `ms` milliseconds. */
export function settled(ms: number, work: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, ms);
  };
}

/** A promise, and what settles it; the second time does nothing. */
export function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
