/** The students of this tab: fetched once, opened once, kept. */

import type { Classification, ModelInfo } from 'stillglass';
import { bundle } from './bundle.ts';
import { Engine } from './engine.ts';
import type { Entry } from './entry.ts';
import type { Reading } from './protocol.ts';
import { compiledRuntime } from './runtime.ts';

/** Fetches bundles and opens them in the engine. Whatever failed is tried again when asked again. */
export class Models {
  readonly #engine = new Engine(compiledRuntime);
  readonly #bundles = new Map<Entry, Promise<Blob>>();
  readonly #infos = new Map<Entry, Promise<ModelInfo>>();

  /** Brings a model's bytes here, so that opening it later needs no network. */
  fetch(entry: Entry): Promise<Blob> {
    return remembered(this.#bundles, entry, () => bundle(entry.source));
  }

  /** Makes a model ready to classify. */
  open(entry: Entry): Promise<ModelInfo> {
    return remembered(this.#infos, entry, async () => {
      try {
        return await this.#engine.open(entry.id, this.fetch(entry));
      } catch (error) {
        // The bytes themselves may be what is wrong.
        this.#bundles.delete(entry);
        throw error;
      }
    });
  }

  /** Gives a model's memory back, once it is open if it is being opened. */
  async close(entry: Entry): Promise<void> {
    this.#bundles.delete(entry);
    await this.#infos.get(entry)?.catch(() => undefined);
    this.#infos.delete(entry);
    await this.#engine.close(entry.id);
  }

  /** Classifies and explains with an open model. */
  classify(entry: Entry, text: string, signal: AbortSignal): Promise<Reading> {
    return this.#engine.classify(entry.id, text, true, { signal });
  }

  /** Classifies many texts, without explaining them. */
  async classifyAll(entry: Entry, texts: string[], signal: AbortSignal): Promise<Classification[]> {
    const readings = texts.map((text) => this.#engine.classify(entry.id, text, false, { signal }));
    return (await Promise.all(readings)).map(({ result }) => result);
  }
}

function remembered<K, V>(known: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  const before = known.get(key);
  if (before !== undefined) return before;
  const made = make();
  known.set(key, made);
  made.catch(() => known.delete(key));
  return made;
}
