/**
 * How far two explanations of one text agree, word by word.
 *
 * Feature, sign and signed-rank agreement follow Krishna et al. 2022 ("The disagreement problem in
 * explainable machine learning"); beside them stands what shuffled words would share.
 */

import { StillglassError } from './errors.js';
import type { Word } from './types.js';

/** Agreement of two explanations on one class, over the words both have read. */
export interface Agreement {
  /** Cosine of the weights, from −1 to 1. */
  cosine: number;
  /** Share of the top words, by magnitude, that are in both tops. */
  feature: number;
  /** Share of the top words that are in both tops with the same sign. */
  sign: number;
  /** Share of the top places that hold the same word with the same sign. */
  signedRank: number;
  /** Correlation of the ranks of the signed weights, from −1 to 1. */
  spearman: number;
  /** Words in a top: `k`, or all if there are fewer. */
  top: number;
  /** What `feature` would be on average, were the words of one shuffled. */
  chance: number;
}

/** Compares two explanations for the class `label`; nothing if a measure has no value: under two words, or all alike. */
export function agreement(first: readonly Word[], second: readonly Word[], label: string, k = 3): Agreement | undefined {
  if (!Number.isSafeInteger(k) || k < 1) throw new StillglassError('bad-argument', `agreement: k: want a whole number from 1 on, found ${k}`);
  const theirs = new Map(second.map((word) => [place(word), word.weights[label] ?? 0]));
  const shared = first.filter((word) => theirs.has(place(word)));
  const a = shared.map(({ weights }) => weights[label] ?? 0);
  const b = shared.map((word) => theirs.get(place(word)) ?? 0);
  const [angle, ranks] = [cosine(a, b), cosine(centred(meanRanks(a)), centred(meanRanks(b)))];
  if (a.length < 2 || angle === undefined || ranks === undefined) return undefined;
  const [mine, other] = [strongest(a, k), strongest(b, k)];
  const alike = (word: number) => Math.sign(a[word] ?? 0) === Math.sign(b[word] ?? 0);
  const both = mine.filter((word) => other.includes(word));
  return {
    cosine: angle,
    feature: both.length / mine.length,
    sign: both.filter(alike).length / mine.length,
    signedRank: mine.filter((word, place) => other[place] === word && alike(word)).length / mine.length,
    spearman: ranks,
    top: mine.length,
    chance: mine.length / a.length,
  };
}

/** Where a word stands, as a key. */
function place({ half, start, end }: Word): string {
  return `${half ?? 0} ${start} ${end}`;
}

/** Cosine of two vectors; none if either is zero. */
function cosine(a: readonly number[], b: readonly number[]): number | undefined {
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, at) => sum + value * (y[at] ?? 0), 0);
  const norms = Math.sqrt(dot(a, a) * dot(b, b));
  return norms > 0 ? dot(a, b) / norms : undefined;
}

function centred(values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

/** The rank of each value from the smallest, 1 on; equals share the mean of theirs. */
function meanRanks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

/** The places of the `k` largest magnitudes, the largest first; the first of equals. */
function strongest(values: readonly number[], k: number): number[] {
  const order = values.map((value, at) => ({ strength: Math.abs(value), at }));
  return order.sort((a, b) => b.strength - a.strength).slice(0, k).map(({ at }) => at);
}
