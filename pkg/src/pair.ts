/** Pairs of texts: the one rule by which two become the string that the runtime reads, and the way back. */

import type { Pair, Text } from './types.js';

/** What stands between the two: a control character, which no text for people needs. */
const SEPARATOR = '\u001f';

/**
 * A pair as one string, U+001F between its texts: what a model of pairs reads, and what serves where one string is
 * wanted, as a key or in a cell. A U+001F inside one of the texts becomes a blank.
 */
export function joined([first, second]: Pair): string {
  const clean = (text: string) => text.replaceAll(SEPARATOR, ' ');
  return clean(first) + SEPARATOR + clean(second);
}

/** The pair that was {@link joined}; the second text of a string that is none is empty. */
export function halves(text: string): Pair {
  const at = text.indexOf(SEPARATOR);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** A text as one string, whichever it is. */
export function asOne(text: Text): string {
  return typeof text === 'string' ? text : joined(text);
}
