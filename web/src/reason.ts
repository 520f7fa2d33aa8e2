/** A model's reason in words: asked for once typing pauses, heard token by token, dropped for a newer text. No DOM here. */

import type { Reason, ReasonOptions, ReasonToken, Word } from 'stillglass/client';
import type { Names } from './texts.ts';
import { percent } from './format.ts';

/** What the reason is at. */
export type State =
  | { at: 'nothing' }
  /** `before` is still there of a text that is no longer the newest. */
  | { at: 'stale'; before: readonly ReasonToken[] }
  | { at: 'writing'; text: string; tokens: readonly ReasonToken[] }
  | { at: 'done'; text: string; reason: Reason }
  | { at: 'failed'; text: string; error: unknown };

/** Has the reason for the answer to a text written. */
export type Ask = (text: string, options: ReasonOptions) => Promise<Reason>;

/** The reason for one text at a time. */
export class Reasons {
  readonly #ask: Ask;
  readonly #changed: (state: State) => void;
  #state: State = { at: 'nothing' };
  #underWay = new AbortController();

  /** `changed` hears of every new state. */
  constructor(ask: Ask, changed: (state: State) => void) {
    this.#ask = ask;
    this.#changed = changed;
  }

  /** What it is at now. */
  get state(): State {
    return this.#state;
  }

  /** Has the reason written, unless it is or has been. */
  async write(text: string): Promise<void> {
    if (textOf(this.#state) === text) return;
    this.#underWay.abort();
    const { signal } = (this.#underWay = new AbortController());
    const tokens: ReasonToken[] = [];
    this.#become({ at: 'writing', text, tokens });
    const onToken = (token: ReasonToken) => {
      if (signal.aborted) return;
      tokens.push(token);
      this.#become({ at: 'writing', text, tokens });
    };
    try {
      const reason = await this.#ask(text, { onToken, signal });
      if (!signal.aborted) this.#become({ at: 'done', text, reason });
    } catch (error) {
      if (!signal.aborted) this.#become({ at: 'failed', text, error });
    }
  }

  /** Breaks off what is about another text than this one; what has been written stays, out of date. */
  turnTo(text: string | undefined): void {
    if (this.#state.at === 'nothing' || this.#state.at === 'stale' || textOf(this.#state) === text) return;
    this.#underWay.abort();
    this.#become({ at: 'stale', before: tokensOf(this.#state) });
  }

  /** There is no answer any more, and no reason. */
  clear(): void {
    this.#underWay.abort();
    if (this.#state.at !== 'nothing') this.#become({ at: 'nothing' });
  }

  #become(state: State): void {
    this.#state = state;
    this.#changed(state);
  }
}

/** The tokens that are there to be shown. */
export function tokensOf(state: State): readonly ReasonToken[] {
  if (state.at === 'done') return state.reason.tokens;
  if (state.at === 'writing') return state.tokens;
  return state.at === 'stale' ? state.before : [];
}

function textOf(state: State): string | undefined {
  return 'text' in state ? state.text : undefined;
}

/** From this share on a token counts as copied. */
const COPIED = 0.5;

/** How many words are named, and the least share to be named. */
const NAMED = { most: 3, least: 0.05 };

/** Whether a token was mostly copied from the text rather than chosen among all that the model can say. */
export function isCopied({ copied }: ReasonToken): boolean {
  return copied >= COPIED;
}

/** `“asleep” 62%, hypothesis; “man” 12%, premise`; of one text without its name. Nothing in particular where no share is large. */
export function lookedAt({ attention }: ReasonToken, words: readonly Word[], names: Names | undefined): string {
  const shares = words.map((word, at) => ({ word, share: attention[at] ?? 0 })).filter(({ share }) => share >= NAMED.least);
  const named = shares.sort((a, b) => b.share - a.share).slice(0, NAMED.most);
  if (named.length === 0) return 'nothing in particular';
  return named.map(({ word, share }) => `“${word.text}” ${percent(share)}${names === undefined ? '' : `, ${(names[word.half ?? 0] ?? '').toLowerCase()}`}`).join('; ');
}
