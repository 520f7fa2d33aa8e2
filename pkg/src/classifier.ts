/** A model and what can be asked of it: off the page's thread, or on it where that is asked for. */

import { Session } from './session.js';
import type { BundleSource, LoadOptions } from './types.js';
import { WorkerClassifier, load } from './worker-classifier.js';

/**
 * A bundle, loaded and ready to classify: by default in a worker of its own.
 *
 * Calls are answered one at a time, in order. If the runtime traps, it is replaced and the call is made once
 * more. {@link Classifier.dispose} gives everything back.
 */
export class Classifier extends WorkerClassifier {
  /** Fetches a bundle, checks it, starts a thread for it and opens it there. */
  static override load(source: BundleSource | Promise<BundleSource>, options: LoadOptions = {}): Promise<Classifier> {
    return load((parts) => new Classifier(parts), Session.open, source, options);
  }
}
