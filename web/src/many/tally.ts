/** The words that drive each class, summed over many texts. No DOM here. */

import type { Word } from 'stillglass';
import type { Driver, TallyPart } from './protocol.ts';

/**
 * The most different words that are remembered. Above it those seen least are forgotten, as in lossy
 * counting (Manku & Motwani 2002): what is seen often stays, and memory does not grow with the file.
 */
export const MOST_WORDS = 200_000;

/** A word of which one sighting says little is not shown. */
const LEAST_SEEN = 2;

interface Entry {
  count: number;
  /** What it gave to each class in all. */
  sums: number[];
}

/** Counts words and adds up what they gave to each class, spellings that differ in case alone taken together. */
export class Tally {
  readonly #labels: readonly string[];
  readonly #most: number;
  readonly #entries = new Map<string, Entry>();
  #forgot = false;

  constructor(labels: readonly string[], most = MOST_WORDS) {
    this.#labels = labels;
    this.#most = most;
  }

  /** Whether rare words had to be forgotten. */
  get forgot(): boolean {
    return this.#forgot;
  }

  /** Adds the words of one text; their weights are centred over classes. */
  addWords(words: readonly Word[]): void {
    for (const { text, weights } of words) {
      const entry = this.#entry(folded(text));
      entry.count++;
      this.#labels.forEach((label, at) => (entry.sums[at] = (entry.sums[at] ?? 0) + (weights[label] ?? 0)));
    }
  }

  /** Adds what another tally of the same labels has packed. */
  add({ words, counts, sums }: TallyPart): void {
    const classes = this.#labels.length;
    words.forEach((word, place) => {
      const entry = this.#entry(word);
      entry.count += counts[place] ?? 0;
      for (let at = 0; at < classes; at++) entry.sums[at] = (entry.sums[at] ?? 0) + (sums[place * classes + at] ?? 0);
    });
    this.#forgetRare();
  }

  /** Everything in a form that is cheap to send. */
  packed(): TallyPart {
    const classes = this.#labels.length;
    const words = [...this.#entries.keys()];
    const counts = new Uint32Array(words.length);
    const sums = new Float64Array(words.length * classes);
    [...this.#entries.values()].forEach((entry, place) => {
      counts[place] = entry.count;
      sums.set(entry.sums, place * classes);
    });
    return { words, counts, sums };
  }

  /** For each class the words that gave it most in all, most first; each seen at least twice. */
  drivers(most: number): Driver[][] {
    const often = [...this.#entries].filter(([, { count }]) => count >= LEAST_SEEN);
    return this.#labels.map((_, at) => {
      const total = (entry: Entry) => entry.sums[at] ?? 0;
      return often
        .filter(([, entry]) => total(entry) > 0)
        .sort(([, one], [, other]) => total(other) - total(one))
        .slice(0, most)
        .map(([word, entry]) => ({ word, count: entry.count, total: total(entry) }));
    });
  }

  #entry(word: string): Entry {
    let entry = this.#entries.get(word);
    if (entry === undefined) {
      entry = { count: 0, sums: new Array<number>(this.#labels.length).fill(0) };
      this.#entries.set(word, entry);
    }
    return entry;
  }

  #forgetRare(): void {
    for (let count = 1; this.#entries.size > this.#most; count++) {
      this.#forgot = true;
      for (const [word, entry] of this.#entries) if (entry.count <= count) this.#entries.delete(word);
    }
  }
}

/** A word without case, composed, so that it is one word however it was typed. */
export function folded(word: string): string {
  return word.normalize('NFC').toLowerCase();
}
