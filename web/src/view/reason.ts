/** The reason in words: written under the evidence, each part leading to where it looked. Loaded when a model gives one. */

import '../style/reason.css';
import type { Reason, ReasonToken } from 'stillglass/client';
import type { Asked } from '../asked.ts';
import { byId, make } from '../dom.ts';
import { messageOf, percent, sentence, title } from '../format.ts';
import { isCopied, lookedAt, Reasons, tokensOf, type Ask, type State } from '../reason.ts';
import { stepTo } from './steps.ts';

/** What the panel needs of the page around it. */
export interface Host {
  ask: Ask;
  /** Marks where in the texts a part looked: a share for each word; nothing takes the marks away. */
  look: (attention: readonly number[] | undefined) => void;
  /** Hears of a reason that is finished, and that there is none any more. */
  said: (text: string, reason: Reason | undefined) => void;
}

const panel = byId('reason');
const list = byId('reason-tokens');
const says = byId('reason-says');
const look = byId('reason-look');

/** What stands where a part tells where it looked, while none is pointed at. */
const HINT = 'Point at a part, or go to it with the arrow keys, to see where it looked.';

/** The panel. There is one. */
export class ReasonPanel {
  readonly #host: Host;
  readonly #reasons: Reasons;
  #about: Asked | undefined;
  /** The text whose reason's parts are there, though it may be out of date. */
  #drawn: string | undefined;
  #parts: HTMLElement[] = [];
  #tokens: readonly ReasonToken[] = [];

  constructor(host: Host) {
    this.#host = host;
    this.#reasons = new Reasons(host.ask, (state) => this.#draw(state));
    list.addEventListener('pointerover', ({ target }) => this.#point(partOf(target)));
    list.addEventListener('pointerout', (event) => {
      // Back to the one that has the focus, if one has.
      if (event.pointerType === 'mouse') this.#point(partOf(document.activeElement));
    });
    list.addEventListener('focusin', ({ target }) => {
      this.#enter(partOf(target) ?? 0);
      this.#point(partOf(target));
    });
    list.addEventListener('focusout', () => this.#point(undefined));
    list.addEventListener('keydown', (event) => this.#press(event));
  }

  /** Has the reason for an answer written, unless it is there. */
  write(about: Asked): void {
    this.#about = about;
    const { state } = this.#reasons;
    // It is there already, though what stands around it may be new: a choice that is not its own, or the name of its own.
    if (state.at === 'done' && state.text === about.asked) this.#draw(state);
    else void this.#reasons.write(about.asked);
  }

  /** Turns to what is asked about; what is about something else is broken off. */
  turnTo(asked: string): void {
    this.#reasons.turnTo(asked);
  }

  /** Breaks off what is being written: there is a newer text. */
  stop(): void {
    if (this.#reasons.state.at === 'writing') this.#reasons.turnTo(undefined);
  }

  /** Takes the panel away. */
  clear(): void {
    this.#reasons.clear();
  }

  #draw(state: State): void {
    panel.hidden = state.at === 'nothing';
    panel.dataset['at'] = state.at;
    const text = 'text' in state ? state.text : undefined;
    // What grows by a token is not drawn anew, or whoever points at a part would lose it.
    if (state.at === 'nothing' || (text !== undefined && text !== this.#drawn)) this.#empty();
    this.#drawn = text ?? this.#drawn;
    this.#tokens = tokensOf(state);
    for (const token of this.#tokens.slice(this.#parts.length)) this.#add(token);
    byId('reason-copied').hidden = !this.#tokens.some(isCopied);
    byId('reason-of').replaceChildren(...this.#heading(state));
    // Only what is finished is spoken.
    const spoken = state.at === 'done' ? finished(state.reason) : state.at === 'failed' ? failed(state.error) : '';
    if (says.textContent !== spoken) says.textContent = spoken;
    // A model that chooses calls what it gives its reason for right or wrong.
    const said = state.at === 'done' && this.#about ? { ...state.reason, label: this.#about.label } : undefined;
    if (this.#about !== undefined) this.#host.said(this.#about.text, said);
  }

  #heading(state: State): (Node | string)[] {
    if (state.at === 'failed') return [failed(state.error)];
    const label = this.#about?.label;
    if (label === undefined || state.at === 'nothing' || state.at === 'stale') return [];
    if (state.at === 'done' && state.reason.tokens.length === 0) return ['It says nothing for ', make('bdi', {}, title(label)), '.'];
    return [state.at === 'writing' ? 'Being written for ' : 'Written for ', make('bdi', {}, title(label)), ':'];
  }

  #empty(): void {
    this.#point(undefined);
    this.#drawn = undefined;
    this.#parts = [];
    list.replaceChildren();
  }

  #add(token: ReasonToken): void {
    const index = this.#parts.length;
    const part = make(
      'span',
      {
        class: isCopied(token) ? 'token copied' : 'token',
        role: 'option',
        tabindex: index === 0 ? '0' : '-1',
        'aria-selected': 'false',
        'aria-label': `${token.text.trim()}: looked at ${this.#looked(token)}${isCopied(token) ? '; mostly copied' : ''}`,
        'data-index': String(index),
      },
      token.text.trimStart(),
    );
    const blank = token.text.slice(0, token.text.length - token.text.trimStart().length);
    this.#parts.push(part);
    list.append(...(blank === '' ? [] : [blank]), part);
  }

  #looked(token: ReasonToken): string {
    return lookedAt(token, this.#about?.words ?? [], this.#about?.names);
  }

  /** Shows where a part looked; nothing takes that away. */
  #point(index: number | undefined): void {
    const token = index === undefined ? undefined : this.#tokens[index];
    const part = index === undefined ? undefined : this.#parts[index];
    this.#parts.forEach((other) => other.setAttribute('aria-selected', String(other === part)));
    // Of an older text the words above are others.
    const current = panel.dataset['at'] !== 'stale';
    this.#host.look(current && token ? this.#among(token.attention) : undefined);
    // In the panel and no note over it, which would hide the words that are spoken of. Each part says the same aloud.
    look.textContent = token === undefined || !current ? HINT : this.#told(token);
  }

  /** Where it looked, for all words that are shown. */
  #among(attention: readonly number[]): number[] {
    const { words = [], shown = [] } = this.#about ?? {};
    const shares = new Map(words.map((word, at) => [word, attention[at]]));
    return shown.map((word) => shares.get(word) ?? 0);
  }

  #told(token: ReasonToken): string {
    const copied = token.copied > 0 ? `, ${percent(token.copied)} of that by copying` : '';
    return `“${token.text.trim()}” looked at ${this.#looked(token)}. ${percent(token.probability)} sure of this part${copied}.`;
  }

  /** Makes one part the one that Tab reaches. */
  #enter(index: number): void {
    this.#parts.forEach((part, at) => (part.tabIndex = at === index ? 0 : -1));
  }

  #press(event: KeyboardEvent): void {
    const from = partOf(event.target);
    if (from === undefined) return;
    if (event.key === 'Escape') return this.#point(undefined);
    const to = stepTo(event.key, from, this.#parts.length - 1, list);
    if (to === undefined) return;
    event.preventDefault();
    this.#parts[to]?.focus();
  }
}

function finished({ text }: Reason): string {
  return text === '' ? '' : `Its reason, in its own words: ${text}`;
}

function failed(error: unknown): string {
  return `The reason could not be written. ${sentence(messageOf(error))}`;
}

function partOf(target: EventTarget | null): number | undefined {
  if (!(target instanceof HTMLElement) || !list.contains(target)) return undefined;
  const index = target.dataset['index'];
  return index === undefined ? undefined : Number(index);
}
