/** How far student and teacher agree, in figures. */

import type { Agreement } from '../agreement.ts';
import { byId } from '../dom.ts';
import { count, decimal, percent } from '../format.ts';

const panel = byId('agreement');

/** Shows the figures for the chosen class; `odds` counts the words the two are at odds on. */
export function showAgreement({ cosine, k, shared, chance }: Agreement, odds: number): void {
  byId('agreement-cosine').textContent = cosine === undefined ? '–' : decimal(cosine);
  byId('agreement-top-title').textContent = `Top ${count(k)} in common`;
  byId('agreement-top').textContent = k === 0 ? '–' : `${count(shared)} of ${count(k)}, ${percent(shared / k)}; by chance ${percent(chance)}`;
  byId('agreement-odds').textContent = odds === 0 ? 'No word' : `${count(odds)} ${odds === 1 ? 'word' : 'words'}, marked ≠`;
  panel.hidden = false;
  byId('key-odd').hidden = odds === 0;
}

/** Takes the figures away. */
export function clearAgreement(): void {
  panel.hidden = true;
  byId('key-odd').hidden = true;
}
