/** Texts with less in them: as far as a model has read them, and without some of their words. */

import type { Classification, Pair, Text, Word } from './types.js';

/** The text as far as the model read it. */
export function asRead(text: string, answer: Pick<Classification, 'truncated'>): string;
export function asRead(text: Pair, answer: Pick<Classification, 'truncated'>): Pair;
export function asRead(text: Text, answer: Pick<Classification, 'truncated'>): Text;
export function asRead(text: Text, { truncated }: Pick<Classification, 'truncated'>): Text {
  if (truncated === undefined) return text;
  const { from, second } = truncated;
  return typeof text === 'string' ? text.slice(0, from) : [text[0].slice(0, from), text[1].slice(0, second)];
}

/** The text without some of its words: what stood between them, spaces and signs, stays as it is. */
export function without(text: string, words: readonly Pick<Word, 'start' | 'end'>[]): string;
export function without(text: Pair, words: readonly Pick<Word, 'start' | 'end' | 'half'>[]): Pair;
export function without(text: Text, words: readonly Pick<Word, 'start' | 'end' | 'half'>[]): Text;
export function without(text: Text, words: readonly Pick<Word, 'start' | 'end' | 'half'>[]): Text {
  if (typeof text === 'string') return left(text, words);
  const of = (place: number) => words.filter(({ half = 0 }) => half === place);
  return [left(text[0], of(0)), left(text[1], of(1))];
}

function left(text: string, words: readonly Pick<Word, 'start' | 'end'>[]): string {
  let kept = '';
  let at = 0;
  for (const { start, end } of [...words].sort((a, b) => a.start - b.start)) {
    kept += text.slice(at, start);
    at = end;
  }
  return kept + text.slice(at);
}
