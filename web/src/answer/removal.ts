/** The words that the reader has taken out of the text. No DOM here. */

import type { Classification, Word } from 'stillglass';

/** Which words are out, by where they begin: student and teacher cut a text into the same words. */
export class Removal {
  readonly #changed: () => void;
  #removed: ReadonlySet<number> = new Set();
  #about = '';

  /** `changed` hears of every word that goes or comes back. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Where the words begin that are out. */
  get removed(): ReadonlySet<number> {
    return this.#removed;
  }

  /** What was taken out of another text, or before another model, is forgotten. */
  turnTo(model: string, text: string): void {
    const about = `${model}\n${text}`;
    if (about === this.#about) return;
    this.#about = about;
    if (this.#removed.size > 0) this.set([]);
  }

  /** Takes a word out, or puts it back. */
  toggle(start: number): void {
    const removed = new Set(this.#removed);
    if (!removed.delete(start)) removed.add(start);
    this.set(removed);
  }

  /** These words are out, and no others. */
  set(starts: Iterable<number>): void {
    this.#removed = new Set(starts);
    this.#changed();
  }
}

/** The words that are out, in reading order. */
export function wordsOut(words: readonly Word[], removed: ReadonlySet<number>): Word[] {
  return words.filter(({ start }) => removed.has(start));
}

/** A class's probability with all words and without some. */
export interface Move {
  label: string;
  before: number;
  after: number;
}

/** How the probability of every class moves. */
export function moves(labels: readonly string[], before: Classification, after: Classification): Move[] {
  return labels.map((label) => ({ label, before: before.scores[label] ?? 0, after: after.scores[label] ?? 0 }));
}
