/** The note that appears at a word under the pointer or the focus. */

import { byId } from '../dom.ts';

const tip = byId('tip');

/** Shows the note at a word. */
export function showTip(word: HTMLElement, content: (Node | string)[]): void {
  tip.replaceChildren(...content);
  tip.hidden = false;
  place(word);
}

/** Takes the note away. */
export function hideTip(): void {
  tip.hidden = true;
}

/** On the side of the word where less text lies, and inside the window. */
function place(element: HTMLElement): void {
  const word = element.getClientRects()[0] ?? element.getBoundingClientRect();
  const { width, height } = tip.getBoundingClientRect();
  const margin = 8;
  const room = document.documentElement.clientWidth - width - margin;
  const left = Math.max(margin, Math.min(word.left + word.width / 2 - width / 2, room));
  const { top: start, bottom: end } = (element.closest('.words') ?? element).getBoundingClientRect();
  const above = word.top - height - margin;
  const upper = word.top - start <= end - word.bottom + 1;
  tip.style.left = `${left + window.scrollX}px`;
  tip.style.top = `${(upper && above >= 0 ? above : word.bottom + margin) + window.scrollY}px`;
}

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') hideTip();
});
