/** The text of an answer without some of its words. No DOM here. */

import type { Word } from 'stillglass';
import { without } from 'stillglass/metrics';
import { asRead, type Placed } from '../texts.ts';

/** What is left of a text, as far as it was read, without some of its words. */
export function withoutWords(text: string, result: Pick<Placed, 'ends'>, words: readonly Pick<Word, 'start' | 'end'>[]): string {
  const read = asRead(text, result, words);
  return without(read.text, read.words);
}
