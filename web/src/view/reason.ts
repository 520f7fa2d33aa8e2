/** The reason in words: written under the evidence, each part leading to where it looked. Loaded when a model gives one. */

import '../style/reason.css';
import type { Reason, ReasonToken, Word } from 'stillglass/client';
import { byId, make } from '../dom.ts';
import { messageOf, percent, sentence, title } from '../format.ts';
import type { Names } from '../pair.ts';
import { isCopied, lookedAt, Reasons, tokensOf, type Ask, type State } from '../reason.ts';
import { hideTip, showTip } from './tip.ts';

/** What the panel needs of the page around it. */
export interface Host {
  ask: Ask;
  /** Marks where in the texts a part looked: a share for each word; nothing takes the marks away. */
  look: (attention: readonly number[] | undefined) => void;
  /** Hears of a reason that is finished, and that there is none any more. */
  said: (text: string, reason: Reason | undefined) => void;
}

/** What the reason is about: the text, its words as the evidence has them, and their texts' names if it is a pair. */
export interface About {
  text: string;
  words: readonly Word[];
  names: Names | undefined;
  /** The class that the model answers with. */
  label: string;
}

const panel = byId('reason');
const list = byId('reason-tokens');
const says = byId('reason-says');

/** The panel. There is one. */
export class ReasonPanel {
  readonly #host: Host;
  readonly #reasons: Reasons;
  #about: About | undefined;
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
  write(about: About): void {
    this.#about = about;
    void this.#reasons.write(about.text);
  }

  /** Turns to an answer; what is about another one is broken off. */
  turnTo(text: string): void {
    this.#reasons.turnTo(text);
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
    const tokens = tokensOf(state);
    // What grew by a token is not drawn anew, or whoever points at a part would lose it.
    const grown = state.at !== 'stale' && this.#tokens.length > 0 && tokens.length >= this.#tokens.length && this.#tokens.every(({ text }, at) => tokens[at]?.text === text);
    if (!grown && state.at !== 'stale') this.#empty();
    this.#tokens = tokens;
    if (state.at !== 'stale') for (const token of tokens.slice(this.#parts.length)) this.#add(token);
    byId('reason-copied').hidden = !tokens.some(isCopied);
    byId('reason-of').replaceChildren(...this.#heading(state));
    // Only what is finished is spoken.
    const spoken = state.at === 'done' ? finished(state.reason) : state.at === 'failed' ? failed(state.error) : '';
    if (says.textContent !== spoken) says.textContent = spoken;
    if (this.#about !== undefined) this.#host.said(this.#about.text, state.at === 'done' ? state.reason : undefined);
  }

  #heading(state: State): (Node | string)[] {
    if (state.at === 'failed') return [failed(state.error)];
    const label = state.at === 'done' ? state.reason.label : this.#about?.label;
    if (label === undefined || state.at === 'nothing' || state.at === 'stale') return [];
    if (state.at === 'done' && state.reason.tokens.length === 0) return ['It says nothing for ', make('bdi', {}, title(label)), '.'];
    return [state.at === 'writing' ? 'Being written for ' : 'Written for ', make('bdi', {}, title(label)), ':'];
  }

  #empty(): void {
    if (this.#parts.length > 0) this.#point(undefined);
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

  /** Shows where a part looked; nothing shows where none did. */
  #point(index: number | undefined): void {
    const token = index === undefined ? undefined : this.#tokens[index];
    const part = index === undefined ? undefined : this.#parts[index];
    this.#parts.forEach((other) => other.setAttribute('aria-selected', String(other === part)));
    // Of an older text the words above are others.
    const current = panel.dataset['at'] !== 'stale';
    this.#host.look(current ? token?.attention : undefined);
    if (token === undefined || part === undefined || !current) return hideTip();
    const line = (text: string) => make('span', { class: 'tip-rank' }, text);
    showTip(part, [
      `Looked at ${this.#looked(token)}`,
      line(`${percent(token.probability)} sure of this part`),
      ...(token.copied > 0 ? [line(`${percent(token.copied)} of that by copying`)] : []),
    ]);
  }

  /** Makes one part the one that Tab reaches. */
  #enter(index: number): void {
    this.#parts.forEach((part, at) => (part.tabIndex = at === index ? 0 : -1));
  }

  #press(event: KeyboardEvent): void {
    const from = partOf(event.target);
    if (from === undefined) return;
    if (event.key === 'Escape') return this.#point(undefined);
    const last = this.#parts.length - 1;
    const steps: Record<string, number> = { ArrowRight: from + 1, ArrowDown: from + 1, ArrowLeft: from - 1, ArrowUp: from - 1, Home: 0, End: last };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#parts[Math.max(0, Math.min(last, to))]?.focus();
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
