/** Texts to classify: made up from a vocabulary's words as often as a language has its own, or real ones. */

import { readFile } from 'node:fs/promises';
import { Refused } from './refused.mjs';

/** Numbers that look random and are the same every time (mulberry32), in [0, 1). */
export function numbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Draws words, the r-th as often as 1/r (Zipf's law), as words of a language come back. Which word is the r-th is drawn too: a
 * vocabulary is in no order that would say so.
 */
export function speaker(vocabulary, seed) {
  const next = numbers(seed);
  const ranked = vocabulary.filter((piece) => /^[a-z]{2,}$/.test(piece)).map((word) => ({ word, at: next() }));
  if (ranked.length === 0) throw new Refused('the vocabulary has no word of letters alone, of which texts could be made');
  const words = ranked.sort((a, b) => a.at - b.at).map(({ word }) => word);
  let total = 0;
  const bounds = words.map((_, rank) => (total += 1 / (rank + 1)));
  return () => {
    const drawn = next() * total;
    let [low, high] = [0, bounds.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bounds[middle] < drawn) low = middle + 1;
      else high = middle;
    }
    return words[low];
  };
}

/** A source of words: of real texts one after another, around and around, or made up. */
export function wordsOf({ vocabulary, real, seed }) {
  if (real === undefined) return speaker(vocabulary, seed);
  const words = real.flatMap((text) => text.split(/\s+/).filter(Boolean));
  let at = Math.floor(numbers(seed)() * words.length);
  return () => words[at++ % words.length];
}

/** Short texts as people post them, 8 to 40 words; real ones as they are. */
export function tweets({ vocabulary, real, seed }, count) {
  if (real !== undefined) return Array.from({ length: count }, (_, at) => real[at % real.length]);
  const word = speaker(vocabulary, seed);
  const next = numbers(seed + 1);
  return Array.from({ length: count }, () => Array.from({ length: 8 + Math.floor(next() * 33) }, word).join(' '));
}

/** The `text` of each line of a JSONL file. */
export async function read(file) {
  const content = await readFile(file, 'utf8').catch((error) => {
    throw new Refused(`--texts ${file} cannot be read: ${error.message}`);
  });
  const texts = content.replace(/^\ufeff/, '').split('\n').flatMap((line, at) => {
    if (line.trim() === '') return [];
    try {
      const { text } = JSON.parse(line);
      if (typeof text === 'string' && text.trim() !== '') return [text];
    } catch {
      // What is no JSON is told like what has no text.
    }
    throw new Refused(`--texts ${file}: line ${at + 1}: want a JSON object with a \`text\` that has words`);
  });
  if (texts.length === 0) throw new Refused(`--texts ${file}: want a JSON object with a \`text\` in each line, found none`);
  return texts;
}
