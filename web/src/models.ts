/** The students of this tab: fetched once, kept, and opened one at a time. */

import { StillglassError, fetchBundle, type Answer, type ModelInfo, type Reason, type ReasonOptions } from 'stillglass/client';
import type { Entry } from './entry.ts';
import { forgetStored } from './offline.ts';
import { Opened, type Reading } from './opened.ts';

/**
 * Fetches bundles and opens the one that is asked for, always in the same worker: another model then needs
 * neither network nor more memory. Whatever failed is tried again when asked again.
 */
export class Models {
  readonly #bundles = new Map<Entry, Promise<Blob>>();
  /** The model that was opened last, or is being opened, and the one before, should that fail. */
  #current: { entry: Entry; opening: Promise<Opened>; stop: AbortController } | undefined;
  #last: Opened | undefined;

  /** Brings a model's bytes here, so that opening it later needs no network. */
  fetch(entry: Entry): Promise<Blob> {
    const before = this.#bundles.get(entry);
    if (before !== undefined) return before;
    // A file's bytes are copied: it may change or go, and be opened again.
    const arriving = fetchBundle(entry.source);
    this.#bundles.set(entry, arriving);
    arriving.catch(() => this.#bundles.delete(entry));
    return arriving;
  }

  /** Makes a model ready to classify, in the place of the one before. */
  async open(entry: Entry): Promise<ModelInfo> {
    return (await this.#open(entry)).info;
  }

  /** Forgets a model's bytes. */
  forget(entry: Entry): void {
    this.#bundles.delete(entry);
  }

  /** Classifies and explains. */
  async classify(entry: Entry, text: string, signal: AbortSignal): Promise<Reading> {
    return (await this.#open(entry)).classify(text, { explain: true, signal });
  }

  /** Has the model give its reason for the answer to a text; never opens it in the place of another. */
  async reason(entry: Entry, text: string, options: ReasonOptions): Promise<Reason> {
    if (this.#current?.entry !== entry) throw new Error('another model was opened meanwhile');
    return (await this.#open(entry)).reason(text, options);
  }

  /** Classifies many texts, without explaining them; never opens the model in the place of another. `labels` as of {@link Opened.classifyAll}. */
  async classifyAll(entry: Entry, texts: string[], signal: AbortSignal, labels?: readonly string[]): Promise<Answer[]> {
    if (this.#current?.entry !== entry) throw new Error('another model was opened meanwhile');
    return (await this.#open(entry)).classifyAll(texts, { signal }, labels);
  }

  #open(entry: Entry): Promise<Opened> {
    if (this.#current?.entry === entry) return this.#current.opening;
    this.#current?.stop.abort();
    const stop = new AbortController();
    const opening = this.#turnTo(entry, this.#current?.opening, stop.signal);
    const current = (this.#current = { entry, opening, stop });
    opening.catch((error: unknown) => {
      // The bytes themselves may be what is wrong, and whoever keeps them would give them again.
      const bad = error instanceof StillglassError && error.code === 'bad-bundle';
      if (bad && typeof entry.source === 'string') void forgetStored(entry.source);
      if (this.#current !== current) return;
      this.forget(entry);
      this.#current = undefined;
    });
    return opening;
  }

  async #turnTo(entry: Entry, before: Promise<Opened> | undefined, signal: AbortSignal): Promise<Opened> {
    const { source } = entry;
    const arriving = this.fetch(entry);
    if (before === undefined && this.#last === undefined) return (this.#last = await Opened.open(source, arriving, signal));
    // Told where it is awaited.
    arriving.catch(() => undefined);
    await before?.catch(() => undefined);
    signal.throwIfAborted();
    return (this.#last = await (this.#last?.replace(source, arriving, signal) ?? Opened.open(source, arriving, signal)));
  }
}
