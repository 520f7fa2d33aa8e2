/**
 * The smallest set of words without which the label is another one. No DOM here.
 *
 * Sets of one, two and three words are all tried, as far as {@link EXACT} goes; what they do not find is
 * looked for word by word, and then made no larger than need be.
 */

import type { Classification, Word } from 'stillglass';
import { without } from 'stillglass/metrics';
import { percent, title } from '../format.ts';
import type { Ask } from './answer.ts';

/** How many of the words that speak most for the label are tried, for each size of a set. */
export const EXACT: readonly number[] = [400, 40, 18];

/** Of how many words each step of the search word by word takes one, and how many steps it goes. */
export const GREEDY = { among: 24, steps: 40 };

/** How many variants of a text a search may try: all sets, every step, and what putting words back takes. */
export const MOST =
  EXACT.reduce((sum, among, at) => sum + choose(among, at + 1), 0) + GREEDY.among * GREEDY.steps + choose(GREEDY.steps + 1, 2);

/** Texts in one call: small, so that stopping is quick. */
const BATCH = 64;

/** What is asked. */
export interface Question {
  /** The text as far as the model read it. */
  text: string;
  words: readonly Word[];
  /** What the model says of the whole text. */
  before: Classification;
  ask: Ask;
  signal: AbortSignal;
  /** Hears how many variants of the text have been tried. */
  onTried?: (tried: number) => void;
}

/** A set of words without which the label is another one. */
export interface Flip {
  /** Places in the list of words, in reading order. */
  words: number[];
  after: Classification;
  /** Whether it was found by trying all sets of its size, or word by word. */
  how: 'exact' | 'greedy';
}

/** How a search ended. */
export interface Outcome {
  flip?: Flip;
  /** For each size of a set that was tried in full, 1 first: among how many words. */
  covered: number[];
  /** How many words the text has. */
  words: number;
  /** How many words were left when the search word by word ended without success. */
  left: number;
  /** How many variants of the text were tried. */
  tried: number;
}

/** Searches; rejects if the signal stops it. */
export async function smallestFlip(question: Question): Promise<Outcome> {
  const search = new Search(question);
  const covered: number[] = [];
  for (const [at, most] of EXACT.entries()) {
    const among = Math.min(most, search.order.length);
    if (at + 1 > among) break;
    const flip = await search.best(combinations(search.order.slice(0, among), at + 1));
    if (flip !== undefined) return search.end(covered, flip);
    covered.push(among);
  }
  // Every set there is has been tried.
  if (covered.length === search.order.length) return search.end(covered);
  return search.end(covered, await search.greedy());
}

/** How far the smallness of a set is known, in a sentence; what was tried, if there is none. */
export function proof({ flip, covered, words, left }: Outcome): string {
  if (flip === undefined) return notFound(covered, words, left);
  const size = flip.words.length;
  const smaller = covered.slice(0, size - 1);
  const few = smaller.findIndex((among) => among < words);
  if (flip.how === 'greedy') {
    return `It was found word by word, not by trying every set: none of its ${size} words can be put back, but a smaller set may exist. ${title(tried(covered, words))}`;
  }
  if (size === 1) return 'No smaller set can do that.';
  if (few < 0) return `It is the smallest: ${tried(smaller, words)}`;
  return `No smaller set was found: ${tried(smaller, words)}`;
}

/** How the sentence of a success begins and ends, around the words. */
export function turn(before: Classification, after: Classification): string {
  const of = ({ label, scores }: Classification) => `${label} (${percent(scores[label] ?? 0)})`;
  return `the label turns from ${of(before)} to ${of(after)}.`;
}

function notFound(covered: readonly number[], words: number, left: number): string {
  if (words === 0) return 'The model found no word in this text that could be taken out.';
  if (covered.length === words) return `No set of its words turns the label: ${tried(covered, words)}`;
  const end = left === 0 ? 'not even when none was left' : `and the search ended with ${left} of ${words} left`;
  return `No set of words was found that turns the label. ${title(tried(covered, words))} Then words were taken out one after the other, the best each time, ${end}.`;
}

const SETS = ['every single word', 'every pair', 'every three'];

/** `Every pair among the 40 words that speak most for the label was tried.` */
function tried(covered: readonly number[], words: number): string {
  const parts = covered.map((among, at) => (among < words ? `${SETS[at]} among the ${among} words that speak most for it` : SETS[at]));
  if (parts.length === 0) return '';
  const list = parts.length < 2 ? parts.join() : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
  return `${list} ${parts.length > 1 ? 'were' : 'was'} tried.`;
}

/** One search: the words in order, and what was tried. */
class Search {
  /** Places in the list of words, those that speak most for the label first. */
  readonly order: number[];
  readonly #question: Question;
  #tried = 0;
  #left = 0;

  constructor(question: Question) {
    this.#question = question;
    const { words, before } = question;
    const weight = (word: number) => words[word]?.weights[before.label] ?? 0;
    this.order = words.map((_, word) => word).sort((a, b) => weight(b) - weight(a));
  }

  end(covered: number[], flip?: Flip): Outcome {
    const ending = { covered, words: this.order.length, left: this.#left, tried: this.#tried };
    return flip === undefined ? ending : { flip, ...ending };
  }

  /** Of the sets that turn the label, the one that leaves it least; none if none does. */
  async best(sets: Iterable<number[]>): Promise<Flip | undefined> {
    let best: { words: number[]; after: Classification } | undefined;
    for (const batch of batches(sets)) {
      for (const [at, after] of (await this.#without(batch)).entries()) {
        if (!this.#turned(after)) continue;
        if (best === undefined || this.#lead(after) < this.#lead(best.after)) best = { words: batch[at] ?? [], after };
      }
    }
    return best && flip(best.words, best.after, 'exact');
  }

  /** Takes out the word that moves the label most, again and again, and then puts back what need not be out. */
  async greedy(): Promise<Flip | undefined> {
    let out: number[] = [];
    for (let step = 0; step < GREEDY.steps && out.length < this.order.length; step++) {
      const candidates = this.order.filter((word) => !out.includes(word)).slice(0, GREEDY.among);
      const sets = candidates.map((word) => [...out, word]);
      const answers = await this.#without(sets);
      const [first] = answers.map((after, at) => ({ after, at })).sort((a, b) => this.#lead(a.after) - this.#lead(b.after));
      if (first === undefined) break;
      out = sets[first.at] ?? out;
      if (this.#turned(first.after)) return this.#pruned(out, first.after);
    }
    this.#left = this.order.length - out.length;
    return undefined;
  }

  /** Puts words back as long as the label stays turned, the earliest taken last. */
  async #pruned(out: number[], after: Classification): Promise<Flip> {
    for (let shorter = true; shorter; ) {
      const sets = out.map((_, at) => out.filter((_, other) => other !== at)).reverse();
      const answers = await this.#without(sets);
      const at = answers.findIndex((answer) => this.#turned(answer));
      shorter = at >= 0;
      if (shorter) [out, after] = [sets[at] ?? out, answers[at] ?? after];
    }
    return flip(out, after, 'greedy');
  }

  async #without(sets: readonly number[][]): Promise<Classification[]> {
    const { text, words, ask, signal, onTried } = this.#question;
    signal.throwIfAborted();
    const answers = await ask(sets.map((set) => without(text, set.flatMap((word) => words[word] ?? []))), signal);
    signal.throwIfAborted();
    this.#tried += sets.length;
    onTried?.(this.#tried);
    return answers;
  }

  #turned({ label }: Classification): boolean {
    return label !== this.#question.before.label;
  }

  /** By how much the label leads, or, below zero, trails. */
  #lead({ scores }: Classification): number {
    const { label } = this.#question.before;
    return (scores[label] ?? 0) - Math.max(...Object.entries(scores).map(([name, score]) => (name === label ? -1 : score)));
  }
}

function flip(words: readonly number[], after: Classification, how: Flip['how']): Flip {
  return { words: [...words].sort((a, b) => a - b), after, how };
}

/** How many sets of `size` there are of `n`. */
function choose(n: number, size: number): number {
  return Array.from({ length: size }, (_, at) => at).reduce((product, at) => (product * (n - at)) / (at + 1), 1);
}

/** All sets of `size` of the list, in its order. */
function* combinations(list: readonly number[], size: number): Generator<number[]> {
  if (size === 0) return void (yield []);
  for (const [at, first] of list.entries()) {
    for (const rest of combinations(list.slice(at + 1), size - 1)) yield [first, ...rest];
  }
}

function* batches<T>(items: Iterable<T>): Generator<T[]> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
