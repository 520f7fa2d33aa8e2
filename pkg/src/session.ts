/** A model open on the thread that asks for it. */

import { StillglassError } from './errors.js';
import { Model } from './model.js';
import type { Asked, Opening, Reading, ReasonAsked } from './protocol.js';
import { memoryBytes, start } from './runtime.js';
import { read, type Company, type Thread } from './thread.js';
import type { ModelInfo, Reason, Timing } from './types.js';

/** A model on this thread: the page's, or a worker's own. */
export class Session implements Thread {
  #model: Model;
  #end: { error: unknown } | undefined;

  private constructor(model: Model) {
    this.#model = model;
  }

  /** Starts the runtime if need be and reads the bundle. */
  static async open(opening: Opening): Promise<Session> {
    return new Session(await modelOf(opening));
  }

  get info(): ModelInfo {
    return this.#model.info;
  }

  async replace(opening: Opening): Promise<void> {
    const model = await modelOf(opening);
    if (this.#end !== undefined) {
      // Ended meanwhile: nobody would free the new one.
      model.free();
      throw this.#end.error;
    }
    this.#model.free();
    this.#model = model;
  }

  get memoryBytes(): number {
    return memoryBytes();
  }

  get over(): boolean {
    return this.#end !== undefined;
  }

  answer(asked: Asked, company: Company): Promise<Reading> {
    return this.#guarded(() => read(this.#model, asked, company));
  }

  reason({ text, beams }: ReasonAsked, { signal, onToken }: Company): Promise<Reason> {
    const company = { ...(signal && { signal }), ...(onToken && { onToken }) };
    return this.#guarded(async () => this.#model.reason(text, { beams, ...company }));
  }

  async #guarded<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (this.#end !== undefined) throw this.#end.error;
      if (error instanceof StillglassError && error.code === 'trapped') this.end(error);
      throw error;
    }
  }

  end(error: unknown): void {
    this.#end ??= { error };
    this.#model.free();
  }
}

async function modelOf({ wasm, bundle, timing }: Opening): Promise<Model> {
  const [bytes] = await Promise.all([bundle.arrayBuffer(), start(wasm)]);
  const model = await Model.open(bytes);
  if (timing !== undefined) tell(model, timing);
  return model;
}

/** Tells a model what was measured before, unless that cannot be read any more; then it is measured again. */
function tell(model: Model, timing: Timing): void {
  try {
    model.timing = timing;
  } catch (error) {
    if (!(error instanceof StillglassError)) throw error;
  }
}
