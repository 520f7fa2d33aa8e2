/** From a classification to what the page shows of it. No DOM here. */

import type { Classification, Word } from 'stillglass';

/**
 * Full colour means at least this much, in logits. Without a floor, the strongest word of a text
 * that says nothing would look as decisive as one that settles the matter.
 */
const FULL_COLOUR = 0.5;

/** Below this share of full colour a word is shown as neutral. */
const FAINT = 0.1;

/** How many words the sentence names on each side, and the least share of full colour to be named. */
const NAMED = { most: 3, least: 0.2 };

/** A stretch of the text: a word, or what lies between words. */
export type Segment = { text: string; word?: number };

/** A word's side and strength for the chosen class. */
export interface Tone {
  side: 'for' | 'against' | 'neutral';
  /** 0 to 1, on one scale for all words and classes of the text. */
  strength: number;
}

/** Values by class, minus their mean: what speaks for a class *rather than the others*. */
export function centred(byClass: Record<string, number>): Record<string, number> {
  const entries = Object.entries(byClass);
  const mean = entries.reduce((sum, [, value]) => sum + value, 0) / Math.max(1, entries.length);
  return Object.fromEntries(entries.map(([label, value]) => [label, value - mean]));
}

/** Words with their contributions centred over classes. */
export function centredWords(words: readonly Word[]): Word[] {
  return words.map((word) => ({ ...word, weights: centred(word.weights) }));
}

/** The contribution that full colour stands for, the same for every class of one text. */
export function fullColour(words: readonly Word[]): number {
  return words.reduce(
    (most, word) => Math.max(most, ...Object.values(word.weights).map(Math.abs)),
    FULL_COLOUR,
  );
}

/** Where a contribution stands on the scale. */
export function tone(value: number, full: number): Tone {
  const strength = Math.min(1, Math.abs(value) / full);
  if (strength < FAINT) return { side: 'neutral', strength: 0 };
  return { side: value > 0 ? 'for' : 'against', strength };
}

/** The text in order, cut at its words; nothing is lost, and joining the parts gives it back. */
export function segments(text: string, words: readonly Pick<Word, 'start' | 'end'>[]): Segment[] {
  const parts: Segment[] = [];
  let at = 0;
  words.forEach(({ start, end }, word) => {
    if (start > at) parts.push({ text: text.slice(at, start) });
    parts.push({ text: text.slice(start, end), word });
    at = end;
  });
  if (at < text.length) parts.push({ text: text.slice(at) });
  return parts;
}

/** The place of each word when ordered by strength for `label`; 1 is the strongest. */
export function ranks(words: readonly Word[], label: string): number[] {
  const strength = words.map((word) => Math.abs(word.weights[label] ?? 0));
  const order = words.map((_, index) => index).sort((a, b) => (strength[b] ?? 0) - (strength[a] ?? 0));
  const rank: number[] = new Array<number>(words.length).fill(0);
  order.forEach((word, place) => (rank[word] = place + 1));
  return rank;
}

/** Each word's share of what all words gave for and against `label`; nothing, where they gave nothing. */
export function shares(words: readonly Word[], label: string): number[] {
  const strength = words.map((word) => Math.abs(word.weights[label] ?? 0));
  const all = strength.reduce((sum, value) => sum + value, 0);
  return strength.map((value) => (all > 0 ? value / all : 0));
}

/** The words that matter most for and against `label`, strongest first, each spelling once. */
export function strongest(words: readonly Word[], label: string): { for: string[]; against: string[] } {
  const full = fullColour(words);
  const named = { for: new Map<string, string>(), against: new Map<string, string>() };
  const value = (word: Word) => word.weights[label] ?? 0;
  for (const word of [...words].sort((a, b) => Math.abs(value(b)) - Math.abs(value(a)))) {
    const { side, strength } = tone(value(word), full);
    if (side === 'neutral' || strength < NAMED.least) break;
    const list = named[side];
    const spelling = word.text.toLowerCase();
    if (list.size < NAMED.most && !list.has(spelling)) list.set(spelling, word.text);
  }
  return { for: [...named.for.values()], against: [...named.against.values()] };
}

/** A row of the table of numbers: contributions by class, all centred over classes. */
export interface Row {
  kind: 'word' | 'boundary' | 'bias' | 'rest' | 'score';
  text: string;
  /** Where a word begins in the text; 0 for what is no word. */
  start: number;
  /** Undefined where a model has no such figure. */
  values: (number | undefined)[];
}

/** Words in reading order, what the place between two texts gave, the score before any word, what the words leave, then the sum: the centred logits. */
export function rows(result: Classification, words: readonly Word[], labels: readonly string[]): Row[] {
  const inOrder = (byClass: Record<string, number>) => labels.map((label) => byClass[label] ?? 0);
  const logits = Object.fromEntries(labels.map((label, index) => [label, result.logits[index] ?? 0]));
  const { method, remainder = {} } = result.explanation ?? {};
  const sum = (kind: Row['kind'], text: string, byClass: Record<string, number>): Row => {
    return { kind, text, start: 0, values: inOrder(centred(byClass)) };
  };
  return [
    ...words.map(({ text, start, weights }): Row => ({ kind: 'word', text, start, values: inOrder(weights) })),
    ...(result.boundary === undefined ? [] : [sum('boundary', 'Between the texts', result.boundary)]),
    sum('bias', 'Before any word', result.bias ?? {}),
    // A student's own contributions leave nothing.
    ...(method === undefined || method === 'native' ? [] : [sum('rest', 'Outside the words', remainder)]),
    sum('score', 'Score', logits),
  ];
}
