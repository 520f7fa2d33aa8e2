/** How long somebody looked at the page. */

/** Counts seconds while the page is in sight. */
export class Watch {
  #seconds = 0;
  #since = performance.now();

  constructor() {
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') this.#seconds += this.#running();
      this.#since = performance.now();
    });
  }

  /** Begins at 0. */
  restart(): void {
    this.#seconds = 0;
    this.#since = performance.now();
  }

  /** The seconds since it began or they were last taken. */
  take(): number {
    const seconds = this.#seconds + (document.visibilityState === 'hidden' ? 0 : this.#running());
    this.restart();
    return seconds;
  }

  #running(): number {
    return (performance.now() - this.#since) / 1000;
  }
}
