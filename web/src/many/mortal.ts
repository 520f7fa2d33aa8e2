/** Workers whose death is noticed, so that nobody waits for them for good. No DOM here. */

import { releaseProxy, wrap, type Remote } from 'comlink';

/** One worker. What it owes when it dies is rejected, and so is all that it is asked later. */
export class Mortal<T> {
  readonly #worker: Worker;
  readonly #remote: Remote<T>;
  readonly #waiting = new Set<(cause: Error) => void>();
  #cause: Error | undefined;

  /** `name` begins the message when it dies; `died` hears of it, unless it was ended. */
  constructor(worker: Worker, name: string, died: (cause: Error) => void = () => undefined) {
    this.#worker = worker;
    this.#remote = wrap<T>(worker);
    const die = (reason: string) => {
      if (this.#cause !== undefined) return;
      const cause = new Error(`${name} stopped: ${reason}`);
      this.#die(cause);
      died(cause);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      die(event.message || 'its worker did not load');
    };
    worker.onmessageerror = () => die('it sent what cannot be read');
  }

  /** Whether it died or was ended. */
  get dead(): boolean {
    return this.#cause !== undefined;
  }

  /** Asks it something; rejects with what it throws, or once it is dead. */
  ask<A>(work: (remote: Remote<T>) => Promise<A>): Promise<A> {
    if (this.#cause !== undefined) return Promise.reject(this.#cause);
    return new Promise<A>((resolve, reject) => {
      this.#waiting.add(reject);
      void work(this.#remote)
        .then(resolve, reject)
        .finally(() => this.#waiting.delete(reject));
    });
  }

  /** Lets it go. */
  end(): void {
    if (this.#cause === undefined) this.#die(new Error('its work was ended'));
    this.#remote[releaseProxy]();
    this.#worker.terminate();
  }

  #die(cause: Error): void {
    this.#cause = cause;
    for (const reject of this.#waiting) reject(cause);
    this.#waiting.clear();
  }
}
