/** Says that a text was too long. */

import { byId } from '../dom.ts';
import { count } from '../format.ts';

/** What was read, in tokens, and how many there are; of what, and the name of a text of which nothing was read. */
export interface Cut {
  read: number;
  whole: number;
  /** What has so many tokens, with its verb. */
  of: string;
  missed: string | undefined;
  /** Whether the rest is shown faded. */
  faded: boolean;
}

/** Says how much was read; takes the notice away if all was. */
export function showCut(cut: Cut | undefined): void {
  const notice = byId('cut');
  notice.hidden = cut === undefined;
  notice.textContent =
    cut === undefined
      ? ''
      : `This model reads ${count(cut.read)} tokens at most, and ${cut.of} ${count(cut.whole)}. ` +
        `The ${cut.faded ? 'faded ' : ''}rest was not read${cut.missed === undefined ? '' : `: nothing of “${cut.missed}”, so the answer is about the other text alone`}.`;
}
