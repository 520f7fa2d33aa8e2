/** Says that a text was too long. */

import { byId } from '../dom.ts';
import { count } from '../format.ts';
import { isQuestion, textsOf, type Names, type Placed } from '../texts.ts';

/** What was cut: a text, how far it was read, what its parts are called if it is several, and how many tokens are read at most. */
export interface Cut {
  text: string;
  result: Pick<Placed, 'truncated' | 'ends' | 'beside'>;
  names: Names | undefined;
  read: number;
}

/** Says how much was read; takes the notice away if all was. */
export function showCut({ text, result: { truncated, ends = [], beside = [] }, names, read }: Cut): void {
  const notice = byId('cut');
  notice.hidden = truncated === undefined;
  if (truncated === undefined) {
    notice.textContent = '';
    return;
  }
  const question = names !== undefined && isQuestion(text);
  const whole = names === undefined ? 'the text has' : question ? 'the question with an answer has' : 'both texts have';
  const lengths = names === undefined ? [text.length] : textsOf(text).map((own) => own.length);
  const faded = ends.some((end, at) => end < (lengths[at] ?? 0)) ? ' The faded rest was not read.' : '';
  const less = Math.min(...beside) < (ends[0] ?? 0) ? ' Beside a long answer less of the question was read.' : '';
  notice.textContent = `This model reads ${count(read)} tokens at most, and ${whole} ${count(truncated.tokens)}.${faded}${less}`;
}
