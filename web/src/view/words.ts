/** The text with its words coloured by what they contributed; pointer and arrow keys give values. */

import type { Word } from 'stillglass';
import { byId, make } from '../dom.ts';
import { fullColour, ranks, segments, tone } from '../explain.ts';
import { count, ordinal, signed, spoken, title } from '../format.ts';

const sheet = byId('words');
const list = byId('word-list');
const unread = byId('unread');
const tip = byId('tip');

/** How many UTF-16 units of unread text are shown. */
const GLIMPSE = 240;

let shown: { words: readonly Word[]; label: string; ranks: number[] } | undefined;
let options: HTMLElement[] = [];

/** Shows `text` with `words` coloured for `label`; text from `cut` on was not read. */
export function showWords(text: string, words: readonly Word[], label: string, cut?: number): void {
  const full = fullColour(words);
  const previous = Math.max(0, options.findIndex((option) => option.tabIndex === 0));
  hideTip();
  shown = { words, label, ranks: ranks(words, label) };
  options = [];
  const read = cut === undefined ? text : text.slice(0, cut);
  const parts = segments(read, words).map((segment) =>
    segment.word === undefined ? segment.text : wordElement(segment.text, segment.word, full),
  );
  list.replaceChildren(...parts);
  unread.textContent = cut === undefined ? '' : glimpse(text.slice(cut));
  list.setAttribute('aria-label', `Words and what they contribute to ${label}`);
  enter(Math.min(previous, options.length - 1));
}

/** The beginning of what was not read: enough to see where reading stopped. */
function glimpse(rest: string): string {
  return rest.length > GLIMPSE ? `${rest.slice(0, GLIMPSE)}…` : rest;
}

function wordElement(text: string, index: number, full: number): HTMLElement {
  const { words, label, ranks: rank } = shown!;
  const value = words[index]?.weights[label] ?? 0;
  const { side, strength } = tone(value, full);
  const element = make(
    'span',
    {
      class: 'word',
      role: 'option',
      tabindex: '-1',
      'aria-selected': 'false',
      'aria-label': `${text}: ${spoken(value)}, ${ordinal(rank[index] ?? 0)} strongest`,
      'data-side': side,
      'data-index': String(index),
    },
    text,
  );
  element.style.setProperty('--strength', strength.toFixed(3));
  options.push(element);
  return element;
}

/** Makes one word the one that Tab reaches. */
function enter(index: number): void {
  options.forEach((option, at) => (option.tabIndex = at === index ? 0 : -1));
}

function indexOf(target: EventTarget | null): number | undefined {
  const index = target instanceof HTMLElement ? target.dataset['index'] : undefined;
  return index === undefined ? undefined : Number(index);
}

function showTip(index: number): void {
  const element = options[index];
  if (shown === undefined || element === undefined) return;
  const { words, label, ranks: rank } = shown;
  const value = words[index]?.weights[label] ?? 0;
  options.forEach((option) => option.setAttribute('aria-selected', String(option === element)));
  tip.replaceChildren(
    make('strong', {}, signed(value)),
    ` to the score of ${title(label)}`,
    make('span', { class: 'tip-rank' }, `${ordinal(rank[index] ?? 0)} strongest of ${count(words.length)}`),
  );
  tip.hidden = false;
  placeTip(element);
}

/** On the side of the word where less text lies, and inside the window. */
function placeTip(element: HTMLElement): void {
  const word = element.getClientRects()[0] ?? element.getBoundingClientRect();
  const { width, height } = tip.getBoundingClientRect();
  const margin = 8;
  const room = document.documentElement.clientWidth - width - margin;
  const left = Math.max(margin, Math.min(word.left + word.width / 2 - width / 2, room));
  const { top: start, bottom: end } = sheet.getBoundingClientRect();
  const above = word.top - height - margin;
  const upper = word.top - start <= end - word.bottom + 1;
  tip.style.left = `${left + window.scrollX}px`;
  tip.style.top = `${(upper && above >= 0 ? above : word.bottom + margin) + window.scrollY}px`;
}

function hideTip(): void {
  tip.hidden = true;
  options.forEach((option) => option.setAttribute('aria-selected', 'false'));
}

function move(index: number): void {
  const target = Math.max(0, Math.min(options.length - 1, index));
  enter(target);
  options[target]?.focus();
}

/** The word an arrow key leads to, in the direction the text runs. */
function destination(key: string, from: number): number | undefined {
  const forward = getComputedStyle(list).direction === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowRight':
      return from + (key === forward ? 1 : -1);
    case 'ArrowDown':
      return from + 1;
    case 'ArrowUp':
      return from - 1;
    case 'Home':
      return 0;
    case 'End':
      return options.length - 1;
    default:
      return undefined;
  }
}

list.addEventListener('pointerover', (event) => {
  const index = indexOf(event.target);
  if (index !== undefined) showTip(index);
});
list.addEventListener('pointerout', (event) => {
  if (event.pointerType === 'mouse') hideTip();
});
list.addEventListener('focusin', (event) => {
  const index = indexOf(event.target);
  if (index === undefined) return;
  enter(index);
  showTip(index);
});
list.addEventListener('focusout', hideTip);
list.addEventListener('keydown', (event) => {
  const from = indexOf(event.target);
  const to = from === undefined ? undefined : destination(event.key, from);
  if (to === undefined) return;
  event.preventDefault();
  move(to);
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') hideTip();
});
