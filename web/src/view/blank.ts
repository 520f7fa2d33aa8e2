/** What stands where the answer will be, before there is one. */

import { byId, within } from '../dom.ts';

const blank = byId('blank');

/** Shows a title and a line under it. */
export function showBlank(title: string, text: string): void {
  within(blank, '.blank-title').textContent = title;
  within(blank, '.blank-text').textContent = text;
  blank.hidden = false;
}

/** Makes room for the answer. */
export function hideBlank(): void {
  blank.hidden = true;
}
