/** The students of this tab: fetched once, opened once, kept. */

import { fetchBundle, type Answer, type ModelInfo } from 'stillglass/client';
import type { Entry } from './entry.ts';
import { Opened, type Reading } from './opened.ts';

/** Fetches bundles and opens each in a worker of its own. Whatever failed is tried again when asked again. */
export class Models {
  readonly #bundles = new Map<Entry, Promise<Blob>>();
  readonly #opened = new Map<Entry, Promise<Opened>>();

  /** Brings a model's bytes here, so that opening it later needs no network. */
  fetch(entry: Entry): Promise<Blob> {
    // A file's bytes are copied: it may change or go, and a worker may be started anew.
    return remembered(this.#bundles, entry, () => fetchBundle(entry.source));
  }

  /** Makes a model ready to classify. */
  async open(entry: Entry): Promise<ModelInfo> {
    return (await this.#open(entry)).info;
  }

  /** Gives a model's memory back, once it is open if it is being opened. */
  async close(entry: Entry): Promise<void> {
    this.#bundles.delete(entry);
    const opened = this.#opened.get(entry);
    this.#opened.delete(entry);
    (await opened?.catch(() => undefined))?.end();
  }

  /** Classifies and explains. */
  async classify(entry: Entry, text: string, signal: AbortSignal): Promise<Reading> {
    return (await this.#open(entry)).classify(text, { explain: true, signal });
  }

  /** Classifies many texts, without explaining them. */
  async classifyAll(entry: Entry, texts: string[], signal: AbortSignal): Promise<Answer[]> {
    return (await this.#open(entry)).classifyAll(texts, { signal });
  }

  async #open(entry: Entry): Promise<Opened> {
    try {
      return await remembered(this.#opened, entry, () => Opened.open(entry.source, this.fetch(entry)));
    } catch (error) {
      // The bytes themselves may be what is wrong.
      this.#bundles.delete(entry);
      throw error;
    }
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
