/** Says that a text was too long. */

import { byId } from '../dom.ts';
import { count } from '../format.ts';

/** Shows how many tokens were read, and how many the whole text has; takes the notice away if all were read. */
export function showCut(read: number, whole: number | undefined): void {
  const notice = byId('cut');
  notice.hidden = whole === undefined;
  notice.textContent =
    whole === undefined
      ? ''
      : `This model reads ${count(read)} tokens at most, and the text has ${count(whole)}. The faded rest was not read.`;
}
