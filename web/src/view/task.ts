/** A button that begins something long, and stops it. */

import { make } from '../dom.ts';
import { count, messageOf, sentence } from '../format.ts';

/** Hears how far the work is. */
export type Tell = (done: number, total: number) => void;

/** The button, and how far its work is. */
export class Task {
  readonly #button: HTMLButtonElement;
  readonly #name: string;
  readonly #progress = make('progress', { 'aria-label': 'Texts tried' });
  readonly #figures = make('span', { class: 'small' });
  readonly #line = make('div', { class: 'progress', hidden: '' }, this.#progress, this.#figures);
  #underWay: AbortController | undefined;

  /** `work` rejects once its signal stops it; `failed` hears of what else went wrong, as a sentence. */
  constructor(button: HTMLButtonElement, work: (signal: AbortSignal, tell: Tell) => Promise<void>, failed: (message: string) => void) {
    this.#button = button;
    this.#name = button.textContent;
    button.after(this.#line);
    button.addEventListener('click', () => {
      if (this.#underWay === undefined) void this.#run(work, failed);
      else this.stop();
    });
  }

  /** Stops what is under way. */
  stop(): void {
    this.#underWay?.abort();
    this.#end();
  }

  async #run(work: (signal: AbortSignal, tell: Tell) => Promise<void>, failed: (message: string) => void): Promise<void> {
    const { signal } = (this.#underWay = new AbortController());
    this.#button.textContent = 'Stop';
    this.#line.hidden = false;
    this.#tell(0, 1);
    try {
      await work(signal, (done, total) => {
        if (!signal.aborted) this.#tell(done, total);
      });
    } catch (error) {
      if (!signal.aborted) failed(sentence(messageOf(error)));
    }
    if (!signal.aborted) this.#end();
  }

  #tell(done: number, total: number): void {
    this.#progress.max = total;
    this.#progress.value = done;
    this.#figures.textContent = done === 0 ? '' : `${count(done)} texts`;
  }

  #end(): void {
    this.#underWay = undefined;
    this.#button.textContent = this.#name;
    this.#line.hidden = true;
  }
}
