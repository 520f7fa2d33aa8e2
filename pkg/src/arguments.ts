/** Refuses what is no string: it would make the runtime trap, or be answered as if it were empty. */

import { StillglassError } from './errors.js';

/** The text, if it is one; `place` says where it stands. */
export function string(text: unknown, place: string): string {
  if (typeof text === 'string') return text;
  throw new StillglassError('bad-argument', `${place}: want a string, found ${kind(text)}`);
}

/** The texts, if all are. */
export function strings(texts: unknown, place: string): string[] {
  if (!Array.isArray(texts)) {
    throw new StillglassError('bad-argument', `${place}: want an array of strings, found ${kind(texts)}`);
  }
  // Not `map`, which passes over holes.
  return Array.from(texts, (text, index) => string(text, `${place}, text ${index}`));
}

function kind(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}
