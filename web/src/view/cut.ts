/** Says that a text was too long. */

import type { Truncated } from 'stillglass/client';
import { byId } from '../dom.ts';
import { count } from '../format.ts';
import { isQuestion, stopsInFirst, type Names } from '../texts.ts';

/** What was cut: a text, what its parts are called if it is several, and how many tokens were read of it, or of its longest part. */
export interface Cut {
  text: string;
  truncated: Truncated | undefined;
  names: Names | undefined;
  read: number;
}

/** Says how much was read; takes the notice away if all was. */
export function showCut({ text, truncated, names, read }: Cut): void {
  const notice = byId('cut');
  notice.hidden = truncated === undefined;
  if (truncated === undefined) {
    notice.textContent = '';
    return;
  }
  const { tokens, from } = truncated;
  const whole = names === undefined ? 'the text has' : isQuestion(text) ? 'the question with an answer has' : 'both texts have';
  // The rest of an answer is not faded, as others follow it that were read.
  const rest = from < text.length ? 'The faded rest' : 'The rest';
  const question = names !== undefined && isQuestion(text);
  const lost = question ? 'no answer was read, so that all are alike to it' : `nothing of “${names?.[1] ?? ''}”, so the answer is about the other text alone`;
  const missed = names !== undefined && stopsInFirst(text, from) ? `: ${lost}` : '';
  notice.textContent = `This model reads ${count(read)} tokens at most, and ${whole} ${count(tokens)}. ${rest} was not read${missed}.`;
}
