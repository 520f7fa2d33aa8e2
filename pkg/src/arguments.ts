/** Refuses texts and options that are none: they would make the runtime trap, take minutes, or be taken for something else. */

import { StillglassError } from './errors.js';
import type { BackendChoice, Method, ModelInfo } from './types.js';

/**
 * The longest text that is read, in UTF-16 units. A model reads some hundred tokens of it, but counts
 * them all: a text of this length takes about half a second.
 */
export const LONGEST_TEXT = 1_000_000;

/** The text, if it is one; `place` says where it stands. */
export function string(text: unknown, place: string): string {
  if (typeof text !== 'string') throw new StillglassError('bad-argument', `${place}: want a string, found ${kind(text)}`);
  if (text.length <= LONGEST_TEXT) return text;
  throw new StillglassError(
    'bad-argument',
    `${place}: the text has ${text.length} UTF-16 units, at most ${LONGEST_TEXT} are read; cut it first`,
  );
}

/** The texts, if all are. */
export function strings(texts: unknown, place: string): string[] {
  if (!Array.isArray(texts)) {
    throw new StillglassError('bad-argument', `${place}: want an array of strings, found ${kind(texts)}`);
  }
  // Not `map`, which passes over holes.
  return Array.from(texts, (text, index) => string(text, `${place}, text ${index}`));
}

/** The way of explaining asked for, if the model has it. */
export function way(explain: Method | boolean, { kind, methods }: ModelInfo, place: string): Method | boolean {
  if (!explain || explain === true || methods.includes(explain)) return explain;
  throw new StillglassError(
    'bad-argument',
    `${place}: explain: '${String(explain)}': a ${kind} has '${methods.join("' and '")}'; choose one of these, or true`,
  );
}

/** What calls have in common. */
interface Common {
  signal?: AbortSignal | undefined;
  onProgress?: unknown;
  backend?: BackendChoice | undefined;
}

/** Refuses options that are none, before anything is begun that nobody would end. */
export function check(options: Common, place: string): void {
  if (typeof options !== 'object' || options === null) throw bad(place, 'options', 'an object', options);
  const { signal, onProgress, backend } = options;
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') throw bad(place, 'signal', 'an AbortSignal', signal);
  if (onProgress !== undefined && typeof onProgress !== 'function') throw bad(place, 'onProgress', 'a function', onProgress);
  if (backend !== undefined && !['auto', 'cpu', 'gpu'].includes(backend)) {
    throw new StillglassError('bad-argument', `${place}: backend: want 'auto', 'cpu' or 'gpu', found '${String(backend)}'`);
  }
}

function bad(place: string, option: string, want: string, found: unknown): StillglassError {
  return new StillglassError('bad-argument', `${place}: ${option}: want ${want}, found ${kind(found)}`);
}

function kind(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}
