/** A text with its words coloured by what they contributed; arrow keys lead from word to word. */

import type { Word } from 'stillglass';
import { make, within } from '../dom.ts';
import { fullColour, ranks, shares, tone } from '../explain.ts';
import { count, ordinal, share, signed, spoken, title } from '../format.ts';
import { shownTexts, type Names, type Placed } from '../texts.ts';
import { stepTo } from './steps.ts';
import { hideTip, showTip } from './tip.ts';

/** How many UTF-16 units of unread text are shown. */
const GLIMPSE = 240;
/** How many of one word are: a browser takes half a minute to break a line of a million letters. */
const LONGEST = 10_000;

/** A text and what its words contribute to one class. */
export interface View {
  text: string;
  /** What the two texts are called, if it is a pair. */
  names?: Names | undefined;
  words: readonly Word[];
  label: string;
  /** How much of each text was read, if not all. */
  ends?: Placed['ends'];
  /** What another model says of the same text. */
  other?: Other | undefined;
  /** Where the words begin that are taken out. */
  removed: ReadonlySet<number>;
}

/** Keys that take a word out, or put it back. */
const TOGGLING = new Set(['Delete', 'Backspace', 'Enter', ' ']);

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
  readonly #toggle: (start: number) => void;
  #view: View | undefined;
  #ranks: number[] = [];
  #shares: number[] = [];
  #others = new Map<number, Word>();
  #options: HTMLElement[] = [];

  /**
   * `sheet` holds the list and what was not read; `owner` says whose words these are, to who cannot see it;
   * `toggle` hears where the word begins that is to be taken out or put back.
   */
  constructor(sheet: HTMLElement, owner: string, toggle: (start: number) => void) {
    this.#list = within(sheet, '[role=listbox]');
    this.#unread = within(sheet, '.unread');
    this.#owner = owner;
    this.#toggle = toggle;
    this.#list.addEventListener('pointerover', (event) => this.#point(event.target));
    this.#list.addEventListener('pointerout', (event) => {
      if (event.pointerType === 'mouse') hideTip();
    });
    this.#list.addEventListener('focusin', (event) => this.#point(event.target, true));
    this.#list.addEventListener('focusout', hideTip);
    this.#list.addEventListener('keydown', (event) => this.#press(event));
    this.#list.addEventListener('click', ({ target, detail }) => {
      // Who drags over text means to copy it; a second click in a row undoes what the first has done.
      if (detail > 1 || getSelection()?.isCollapsed !== false) this.#turn(indexOf(target));
    });
  }

  /** Colours the words; `full` is the contribution that full colour stands for. */
  show(view: View, full = fullColour(view.words)): void {
    const { text, names, words, label, ends, other } = view;
    const previous = Math.max(0, this.#options.findIndex((option) => option.tabIndex === 0));
    const focused = this.#list.contains(document.activeElement);
    hideTip();
    this.#view = view;
    this.#ranks = ranks(words, label);
    this.#shares = shares(words, label);
    this.#others = new Map(other?.words.map((word) => [word.start, word]));
    this.#options = [];
    const shown = shownTexts(text, words, ends, names !== undefined).map(({ parts, unread }) => ({
      parts: parts.map(({ text: part, word }) => (word === undefined ? glimpse(part, LONGEST) : this.#element(glimpse(part, LONGEST), word, full))),
      unread: glimpse(unread, GLIMPSE),
    }));
    this.#list.replaceChildren(...(names === undefined ? shown.flatMap(({ parts }) => parts) : shown.map((own, at) => half(names[at] ?? '', own))));
    this.#unread.textContent = names === undefined ? shown.map(({ unread }) => unread).join('') : '';
    this.#list.classList.remove('looking');
    this.#list.setAttribute('aria-label', `${this.#owner} and what they contribute to ${label}`);
    const entered = Math.min(previous, this.#options.length - 1);
    this.#enter(entered);
    if (focused) this.#options[entered]?.focus();
  }

  /** Strikes the words that are taken out, and no others. */
  mark(removed: ReadonlySet<number>): void {
    if (this.#view === undefined) return;
    this.#view = { ...this.#view, removed };
    this.#options.forEach((option, index) => this.#strike(option, index));
  }

  /** Marks how much something looked at each word, 0 to 1; nothing takes the marks away. */
  look(shares: readonly number[] | undefined): void {
    this.#list.classList.toggle('looking', shares !== undefined);
    const most = Math.max(...(shares ?? []), Number.MIN_VALUE);
    this.#options.forEach((option, at) => option.style.setProperty('--look', ((shares?.[at] ?? 0) / most).toFixed(3)));
  }

  /** Shows a text about whose words nothing is known yet. */
  showPlain(text: string): void {
    hideTip();
    this.#view = undefined;
    this.#options = [];
    this.#list.replaceChildren();
    this.#unread.textContent = glimpse(text, LONGEST);
  }

  #element(text: string, index: number, full: number): HTMLElement {
    const { words, label, other } = this.#view!;
    const { start = 0, weights } = words[index] ?? {};
    const { side, strength } = tone(weights?.[label] ?? 0, full);
    const element = make(
      'span',
      {
        class: other?.atOdds.has(start) === true ? 'word odd' : 'word',
        role: 'option',
        tabindex: '-1',
        'data-side': side,
        'data-index': String(index),
      },
      text,
    );
    element.style.setProperty('--strength', strength.toFixed(3));
    this.#strike(element, index);
    this.#options.push(element);
    return element;
  }

  /** Shows and says whether a word is taken out. */
  #strike(element: HTMLElement, index: number): void {
    const { words, label, other, removed } = this.#view!;
    const { start = 0, weights } = words[index] ?? {};
    const theirs = this.#others.get(start)?.weights[label];
    const odd = other?.atOdds.has(start) === true ? ', at odds' : '';
    const beside = theirs === undefined ? '' : `; ${other?.name} ${spoken(theirs)}${odd}`;
    const figures = `${spoken(weights?.[label] ?? 0)}, ${ordinal(this.#ranks[index] ?? 0)} strongest, ${share(this.#shares[index] ?? 0)} of all weight`;
    const out = removed.has(start);
    element.classList.toggle('gone', out);
    element.setAttribute('aria-selected', String(out));
    element.setAttribute('aria-label', `${element.textContent}${out ? ', taken out' : ''}: ${figures}${beside}`);
  }

  #turn(index: number | undefined): void {
    const word = index === undefined ? undefined : this.#view?.words[index];
    if (word === undefined) return;
    this.#toggle(word.start);
    this.#point(this.#options[index!] ?? null);
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
    const { words, label, other, removed } = this.#view;
    const { start = 0, weights } = words[index] ?? {};
    const theirs = this.#others.get(start)?.weights[label];
    const line = (text: string) => make('span', { class: 'tip-rank' }, text);
    showTip(element, [
      make('strong', {}, signed(weights?.[label] ?? 0)),
      ` to the score of ${title(label)}`,
      line(`${ordinal(this.#ranks[index] ?? 0)} strongest of ${count(words.length)}, ${share(this.#shares[index] ?? 0)} of all weight`),
      ...(theirs === undefined ? [] : [line(`${title(other?.name ?? '')}: ${signed(theirs)}`)]),
      ...(removed.has(start) ? [line('Taken out')] : []),
    ]);
  }

  #press(event: KeyboardEvent): void {
    const from = indexOf(event.target);
    if (from !== undefined && TOGGLING.has(event.key)) {
      event.preventDefault();
      this.#turn(from);
      return;
    }
    const to = from === undefined ? undefined : stepTo(event.key, from, this.#options.length - 1, this.#options[from] ?? this.#list);
    if (to === undefined) return;
    event.preventDefault();
    this.#enter(to);
    this.#options[to]?.focus();
  }
}

/** One text of a pair under its name, what was not read of it last. */
function half(name: string, { parts, unread }: { parts: (Node | string)[]; unread: string }): HTMLElement {
  const rest = unread === '' ? [] : [make('span', { class: 'unread' }, unread)];
  return make('span', { class: 'half', role: 'group', 'aria-label': name, 'data-name': name, dir: 'auto' }, ...parts, ...rest);
}

/** The beginning of what is long. */
function glimpse(rest: string, most: number): string {
  return rest.length > most ? `${rest.slice(0, most)}…` : rest;
}

function indexOf(target: EventTarget | null): number | undefined {
  const index = target instanceof HTMLElement ? target.dataset['index'] : undefined;
  return index === undefined ? undefined : Number(index);
}
