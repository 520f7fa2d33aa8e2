/** Where a classifier's model lives: on a thread that answers one call at a time. */

import type { Model } from './model.js';
import type { Asked, Opening, Reading, ReasonAsked } from './protocol.js';
import type { ModelInfo, Progress, Reason, ReasonToken } from './types.js';

/** What may accompany a call: a signal that breaks it off, and who hears how far it is, or the tokens of a reason. */
export interface Company {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
  onToken?: ((token: ReasonToken) => void) | undefined;
}

/** A model, open somewhere, until it fails or is ended. */
export interface Thread {
  readonly info: ModelInfo;
  /** Bytes of WebAssembly memory it held when it last answered. */
  readonly memoryBytes: number;
  /** Whether it takes no more calls. */
  readonly over: boolean;
  /** Opens another model in place of its own; should that fail, its own stays. */
  replace(opening: Opening): Promise<void>;
  /** Answers texts; the next call comes after this one has ended. */
  answer(asked: Asked, company: Company): Promise<Reading>;
  /** Gives the reason for the answer to a text. */
  reason(asked: ReasonAsked, company: Company): Promise<Reason>;
  /** Gives its memory back; a call under way rejects with `error`. */
  end(error: unknown): void;
}

/** Answers with a model of this very thread. */
export async function read(model: Model, asked: Asked, company: Company): Promise<Reading> {
  const from = performance.now();
  const results = atOnce(model, asked)
    ? model.classifyAll(asked.texts, { explain: asked.explain !== false })
    : await model.run(asked.texts, runOptions(asked, company));
  return { results, ms: performance.now() - from, timing: model.timing };
}

/** A student has answered one text before it could have yielded, or the GPU been asked. */
function atOnce(model: Model, { texts, explain, backend }: Asked): boolean {
  const native = typeof explain === 'boolean' || explain === 'native';
  return model.info.kind === 'student' && texts.length === 1 && native && backend !== 'gpu';
}

function runOptions({ explain, backend }: Asked, { signal, onProgress }: Company) {
  return { explain, backend, ...(signal && { signal }), ...(onProgress && { onProgress }) };
}
