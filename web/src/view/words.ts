/** A text with its words coloured by what they contributed; arrow keys lead from word to word. */

import type { Word } from 'stillglass';
import { make, within } from '../dom.ts';
import { fullColour, ranks, segments, tone } from '../explain.ts';
import { count, ordinal, signed, spoken, title } from '../format.ts';
import { hideTip, showTip } from './tip.ts';

/** How many UTF-16 units of unread text are shown. */
const GLIMPSE = 240;

/** A text and what its words contribute to one class. */
export interface View {
  text: string;
  words: readonly Word[];
  label: string;
  /** Text from here on was not read. */
  cut?: number | undefined;
  /** What another model says of the same text. */
  other?: Other | undefined;
}

/** Another model's words, and where the words begin on which the two are at odds. */
export interface Other {
  name: string;
  words: readonly Word[];
  atOdds: ReadonlySet<number>;
}

/** One text on the page. */
export class Sheet {
  readonly #list: HTMLElement;
  readonly #unread: HTMLElement;
  readonly #owner: string;
  #view: View | undefined;
  #ranks: number[] = [];
  #others = new Map<number, Word>();
  #options: HTMLElement[] = [];

  /** `sheet` holds the list and what was not read; `owner` says whose words these are, to who cannot see it. */
  constructor(sheet: HTMLElement, owner: string) {
    this.#list = within(sheet, '[role=listbox]');
    this.#unread = within(sheet, '.unread');
    this.#owner = owner;
    this.#list.addEventListener('pointerover', (event) => this.#point(event.target));
    this.#list.addEventListener('pointerout', (event) => {
      if (event.pointerType === 'mouse') hideTip();
    });
    this.#list.addEventListener('focusin', (event) => this.#point(event.target, true));
    this.#list.addEventListener('focusout', hideTip);
    this.#list.addEventListener('keydown', (event) => this.#press(event));
  }

  /** Colours the words; `full` is the contribution that full colour stands for. */
  show(view: View, full = fullColour(view.words)): void {
    const { text, words, label, cut, other } = view;
    const previous = Math.max(0, this.#options.findIndex((option) => option.tabIndex === 0));
    hideTip();
    this.#view = view;
    this.#ranks = ranks(words, label);
    this.#others = new Map(other?.words.map((word) => [word.start, word]));
    this.#options = [];
    const read = cut === undefined ? text : text.slice(0, cut);
    const parts = segments(read, words).map((segment) =>
      segment.word === undefined ? segment.text : this.#element(segment.text, segment.word, full),
    );
    this.#list.replaceChildren(...parts);
    this.#unread.textContent = cut === undefined ? '' : glimpse(text.slice(cut));
    this.#list.setAttribute('aria-label', `${this.#owner} and what they contribute to ${label}`);
    this.#enter(Math.min(previous, this.#options.length - 1));
  }

  /** Shows a text about whose words nothing is known yet. */
  showPlain(text: string): void {
    hideTip();
    this.#view = undefined;
    this.#options = [];
    this.#list.replaceChildren();
    this.#unread.textContent = text;
  }

  #element(text: string, index: number, full: number): HTMLElement {
    const { words, label, other } = this.#view!;
    const { start = 0, weights } = words[index] ?? {};
    const value = weights?.[label] ?? 0;
    const { side, strength } = tone(value, full);
    const odd = other?.atOdds.has(start) ?? false;
    const theirs = this.#others.get(start)?.weights[label];
    const beside = theirs === undefined ? '' : `; ${other?.name} ${spoken(theirs)}${odd ? ', at odds' : ''}`;
    const element = make(
      'span',
      {
        class: odd ? 'word odd' : 'word',
        role: 'option',
        tabindex: '-1',
        'aria-selected': 'false',
        'aria-label': `${text}: ${spoken(value)}, ${ordinal(this.#ranks[index] ?? 0)} strongest${beside}`,
        'data-side': side,
        'data-index': String(index),
      },
      text,
    );
    element.style.setProperty('--strength', strength.toFixed(3));
    this.#options.push(element);
    return element;
  }

  /** Makes one word the one that Tab reaches. */
  #enter(index: number): void {
    this.#options.forEach((option, at) => (option.tabIndex = at === index ? 0 : -1));
  }

  #point(target: EventTarget | null, enter = false): void {
    const index = indexOf(target);
    const element = index === undefined ? undefined : this.#options[index];
    if (index === undefined || element === undefined || this.#view === undefined) return;
    if (enter) this.#enter(index);
    const { words, label, other } = this.#view;
    const { start = 0, weights } = words[index] ?? {};
    const theirs = this.#others.get(start)?.weights[label];
    showTip(element, [
      make('strong', {}, signed(weights?.[label] ?? 0)),
      ` to the score of ${title(label)}`,
      make('span', { class: 'tip-rank' }, `${ordinal(this.#ranks[index] ?? 0)} strongest of ${count(words.length)}`),
      ...(theirs === undefined ? [] : [make('span', { class: 'tip-rank' }, `${title(other?.name ?? '')}: ${signed(theirs)}`)]),
    ]);
  }

  #press(event: KeyboardEvent): void {
    const from = indexOf(event.target);
    const to = from === undefined ? undefined : this.#destination(event.key, from);
    if (to === undefined) return;
    event.preventDefault();
    const target = Math.max(0, Math.min(this.#options.length - 1, to));
    this.#enter(target);
    this.#options[target]?.focus();
  }

  /** The word an arrow key leads to, in the direction the text runs. */
  #destination(key: string, from: number): number | undefined {
    const forward = getComputedStyle(this.#list).direction === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
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
        return this.#options.length - 1;
      default:
        return undefined;
    }
  }
}

/** The beginning of what was not read: enough to see where reading stopped. */
function glimpse(rest: string): string {
  return rest.length > GLIMPSE ? `${rest.slice(0, GLIMPSE)}…` : rest;
}

function indexOf(target: EventTarget | null): number | undefined {
  const index = target instanceof HTMLElement ? target.dataset['index'] : undefined;
  return index === undefined ? undefined : Number(index);
}
