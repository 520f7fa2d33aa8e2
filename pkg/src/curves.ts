/**
 * How a class's probability moves as words come and go in the order of their weight, beside random orders.
 *
 * Deletion and insertion follow Petsiuk et al. 2018 (RISE), on words: one axis, the words that are left, from
 * none to all. An order that means something has its insertion above random orders and its deletion below.
 */

import { StillglassError } from './errors.js';
import { explained, type Answering, type FaithfulnessOptions } from './faithfulness.js';
import { without } from './reduced.js';
import type { Progress, Text, Word } from './types.js';

/** What to draw. */
export interface CurvesOptions extends Omit<FaithfulnessOptions, 'shares'> {
  /** Steps between no word and all, at most: of a long text, several words come or go at once. Default: 20. */
  steps?: number;
  /** Random orders to compare with. Default: 20. */
  orders?: number;
  /** The same seed gives the same random orders. Default: 1. */
  seed?: number;
  /** Hears how many of the variants of the text have been classified. */
  onProgress?: (progress: Progress) => void;
}

/** The class's probability at each step, and the area under it over the share of the words, from 0 to 1. */
export interface Curve {
  probabilities: number[];
  area: number;
}

/** All curves begin without a word and end with the whole text. */
export interface Curves {
  /** The class whose probability was measured. */
  label: string;
  /** How many words are left at each step: from 0 to all. */
  kept: number[];
  /** Only the strongest words for the class are left: how soon they suffice. */
  insertion: Curve;
  /** The strongest words for the class are gone: how soon they are missed. */
  deletion: Curve;
  /** Words are left in random orders. */
  random: Curve[];
}

/** Takes words out of a text and puts them in, by weight and at random. */
export async function curves(model: Answering, text: Text, options: CurvesOptions = {}): Promise<Curves> {
  const { steps = 20, orders = 20, seed = 1, onProgress } = options;
  for (const [name, value, least] of [['steps', steps, 1], ['orders', orders, 0]] as const) {
    if (!Number.isSafeInteger(value) || value < least) throw new StillglassError('bad-argument', `curves: ${name}: want a whole number from ${least} on, found ${value}`);
  }
  const { label, read, ranked, signal } = await explained(model, text, options);
  const kept = stepsTo(ranked.length, steps);
  const total = (orders + 2) * kept.length;
  let done = 0;
  const along = async (order: readonly Word[]): Promise<Curve> => {
    const answers = await model.classifyAll(kept.map((count) => without(read, order.slice(count))), signal);
    onProgress?.({ done: (done += kept.length), total });
    const probabilities = answers.map(({ scores }) => scores[label] ?? 0);
    return { probabilities, area: area(kept, probabilities) };
  };
  const insertion = await along(ranked);
  const deletion = await along([...ranked].reverse());
  const next = generator(seed);
  const random: Curve[] = [];
  while (random.length < orders) random.push(await along(shuffled(ranked, next)));
  return { label, kept, insertion, deletion, random };
}

/** The value below which a share of the values lies, between two of them in proportion. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? NaN;
  return below + ((sorted[Math.ceil(place)] ?? NaN) - below) * (place % 1);
}

/** Whole numbers from 0 to `words`, evenly apart, in at most `steps` steps. */
function stepsTo(words: number, steps: number): number[] {
  const count = Math.min(words, Math.max(1, Math.floor(steps)));
  return Array.from({ length: count + 1 }, (_, step) => (count === 0 ? 0 : Math.round((step * words) / count)));
}

/** Under the probabilities over the share of the words, by trapezoids; of one point, its height. */
function area(kept: readonly number[], probabilities: readonly number[]): number {
  const words = kept.at(-1) ?? 0;
  if (words === 0) return probabilities[0] ?? 0;
  return probabilities.slice(1).reduce((sum, probability, at) => {
    const width = ((kept[at + 1] ?? 0) - (kept[at] ?? 0)) / words;
    return sum + (width * (probability + (probabilities[at] ?? 0))) / 2;
  }, 0);
}

/** The list in a random order (Fisher and Yates). */
function shuffled<T>(list: readonly T[], next: () => number): T[] {
  const order = [...list];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(next() * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

/** Numbers from 0 to below 1 that look random (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
