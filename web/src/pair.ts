/**
 * Pairs of texts as the page holds them: one text with a separator, as the package joins it, so that every word has one
 * place in it and nothing needs to know of pairs that does not show them. No DOM here.
 */

import { halves, joined, type Answer, type Word } from 'stillglass/client';
import { segments, type Segment } from './explain.ts';

/** What a reader calls the two texts of a pair. */
export type Names = readonly [string, string];

/** What they are called where nobody has named them. */
export const UNNAMED: Names = ['First text', 'Second text'];

/** Both texts one under the other, for what reads a single one. */
export function inOne(text: string): string {
  return isPair(text) ? halves(text).join('\n') : text;
}

/** Whether a text is two. */
export function isPair(text: string): boolean {
  return joined(halves(text)) === text;
}

/** Where in the page's one text the second text of a pair begins. */
function secondOf(text: string): number {
  return halves(text)[0].length + 1;
}

/** The package's answer for a pair, its places in the page's one text. */
export function placed(text: string, answer: Answer): Answer {
  const second = secondOf(text);
  const { words, truncated, ...rest } = answer;
  const at = (half: 1 | undefined, place: number) => (half === undefined ? place : place + second);
  return {
    ...rest,
    ...(words && { words: words.map((word) => ({ ...word, start: at(word.half, word.start), end: at(word.half, word.end) })) }),
    ...(truncated && { truncated: { tokens: truncated.tokens, from: at(truncated.half, truncated.from) } }),
  };
}

/** A word's place in its own text of the pair, as the package tells it. */
export function ownPlace(text: string, { start, end, half }: Pick<Word, 'start' | 'end' | 'half'>): { start: number; end: number; half?: 1 } {
  const second = secondOf(text);
  return half === undefined ? { start, end } : { start: start - second, end: end - second, half };
}

/** Whether reading stopped before it came to the second text. */
export function stopsInFirst(text: string, cut: number): boolean {
  return cut < secondOf(text);
}

/** A text as it is shown: what was read of it, cut at its words, and the rest. */
export interface Shown {
  parts: Segment[];
  unread: string;
}

/** Each text of a pair, or the one; `cut` is where reading stopped. Segments name words by their places in the whole list. */
export function shownTexts(text: string, words: readonly Word[], cut: number | undefined, pair: boolean): Shown[] {
  if (!pair) return [{ parts: segments(text.slice(0, cut), words), unread: cut === undefined ? '' : text.slice(cut) }];
  const second = secondOf(text);
  const firsts = words.filter(({ half }) => half === undefined).length;
  return halves(text).map((own, place) => {
    const from = place * second;
    const end = cut === undefined ? own.length : Math.max(0, Math.min(cut - from, own.length));
    const skipped = place * firsts;
    const ours = (place === 0 ? words.slice(0, firsts) : words.slice(firsts)).map((word) => ({ start: word.start - from, end: word.end - from }));
    const parts = segments(own.slice(0, end), ours).map((part) => (part.word === undefined ? part : { ...part, word: part.word + skipped }));
    return { parts, unread: own.slice(end) };
  });
}
