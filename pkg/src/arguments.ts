/** Refuses texts and options that are none: they would make the runtime trap, take minutes, or be taken for something else. */

import { StillglassError } from './errors.js';
import type { BackendChoice, Method, ModelInfo, Text } from './types.js';

/**
 * The longest text that is read, in UTF-16 units. A model reads some hundred tokens of it, but counts
 * them all: a text of this length takes about half a second.
 */
export const LONGEST_TEXT = 1_000_000;

/** More than so many drafts of a reason count as so many: a number that the runtime cannot hold would be another one there. */
const MOST_BEAMS = 16;

/** The text, if it is one that the model reads; `place` says where it stands. */
export function textOf(text: unknown, { pairs }: Pick<ModelInfo, 'pairs'>, place: string): Text {
  const parts: unknown[] = Array.isArray(text) ? text : [text];
  const strings = parts.every((part): part is string => typeof part === 'string');
  const wanted = parts.length === (pairs ? 2 : 1) && Array.isArray(text) === pairs;
  if (!strings || !wanted) throw new StillglassError('bad-argument', `${place}: ${misfit(text, strings, pairs)}`);
  const units = parts.reduce((sum, part) => sum + part.length, 0);
  if (units <= LONGEST_TEXT) return text as Text;
  const what = pairs ? 'both texts have' : 'the text has';
  throw new StillglassError('bad-argument', `${place}: ${what} ${units} UTF-16 units, at most ${LONGEST_TEXT} are read; cut it first`);
}

/** The texts, if all are. */
export function textsOf(texts: unknown, info: Pick<ModelInfo, 'pairs'>, place: string): Text[] {
  if (!Array.isArray(texts)) {
    throw new StillglassError('bad-argument', `${place}: want an array of ${info.pairs ? 'pairs' : 'strings'}, found ${kind(texts)}`);
  }
  // Not `map`, which passes over holes.
  return Array.from(texts, (text, index) => textOf(text, info, `${place}, text ${index}`));
}

/** Why it is no text for the model, and what is. */
function misfit(text: unknown, strings: boolean, pairs: boolean): string {
  if (pairs) {
    const found = !Array.isArray(text) ? kind(text) : strings ? `an array of ${text.length}` : 'an array of something else';
    return `this model reads pairs; want [first, second], two strings, found ${found}`;
  }
  if (!Array.isArray(text)) return `want a string, found ${kind(text)}`;
  return 'want a string, found an array; this model reads single texts: give classifyAll many, or a pair to a model of pairs';
}

/** The way of explaining asked for, if the model has it. */
export function way(explain: Method | boolean, { kind, methods }: ModelInfo, place: string): Method | boolean {
  if (!explain || explain === true || methods.includes(explain)) return explain;
  throw new StillglassError(
    'bad-argument',
    `${place}: explain: '${String(explain)}': a ${kind} has '${methods.join("' and '")}'; choose one of these, or true`,
  );
}

/** Refuses to ask a model for a reason that gives none. */
export function speaking({ reasons }: Pick<ModelInfo, 'reasons'>, place: string): void {
  if (reasons) return;
  throw new StillglassError('bad-argument', `${place}: this bundle gives no reasons in words (info.reasons); load one that was made with a decoder`);
}

/** How many drafts of a reason are asked for. */
export function beamsOf({ beams = 1 }: { beams?: number }, place: string): number {
  if (Number.isSafeInteger(beams) && beams >= 1) return Math.min(beams, MOST_BEAMS);
  throw new StillglassError('bad-argument', `${place}: beams: want a whole number from 1 on, found ${String(beams)}`);
}

/** What calls have in common. */
interface Common {
  signal?: AbortSignal | undefined;
  onProgress?: unknown;
  onToken?: unknown;
  backend?: BackendChoice | undefined;
}

/** Refuses options that are none, before anything is begun that nobody would end. */
export function check(options: Common, place: string): void {
  if (typeof options !== 'object' || options === null) throw bad(place, 'options', 'an object', options);
  const { signal, onProgress, onToken, backend } = options;
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') throw bad(place, 'signal', 'an AbortSignal', signal);
  for (const [name, heard] of Object.entries({ onProgress, onToken })) {
    if (heard !== undefined && typeof heard !== 'function') throw bad(place, name, 'a function', heard);
  }
  if (backend !== undefined && !['auto', 'cpu', 'gpu'].includes(backend)) {
    throw new StillglassError('bad-argument', `${place}: backend: want 'auto', 'cpu' or 'gpu', found '${String(backend)}'`);
  }
}

function bad(place: string, option: string, want: string, found: unknown): StillglassError {
  return new StillglassError('bad-argument', `${place}: ${option}: want ${want}, found ${kind(found)}`);
}

export function kind(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}
