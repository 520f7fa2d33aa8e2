/** A reader: one worker of the pool, which classifies batches and keeps only what is needed of them. */

import { expose, transfer } from 'comlink';
import { Classifier, halves } from 'stillglass';
import { kept, readable } from './answers.ts';
import type { Answers, Opening } from './protocol.ts';

/** What the desk asks of a reader. */
export class Reader {
  #classifier: Classifier | undefined;
  #opening: Opening | undefined;

  /** Answers once the worker is here. */
  ready(): void {}

  /** Opens a model in place of the one before. */
  async open(opening: Opening): Promise<void> {
    await this.#classifier?.dispose();
    this.#classifier = await Classifier.load(opening.bundle, {
      // This is a worker already: answers are reduced here, so that whole ones never cross threads.
      worker: false,
      wasm: opening.runtime,
      // Readers share the processor's cores among them; and the CPU's answers are the same everywhere, bit by bit.
      backend: opening.kind === 'student' ? 'cpu' : 'auto',
    });
    this.#opening = opening;
  }

  /** Reads a batch. A student explains at once; a teacher would take seconds for each text, so it is not asked to. */
  async read(texts: string[]): Promise<Answers> {
    if (this.#classifier === undefined || this.#opening === undefined) throw new Error('the reader was asked before its model was open');
    const { kind, pairs } = this.#opening;
    const read = texts.filter((text) => readable(text, pairs));
    const answers = await this.#classifier.classifyAll(pairs ? read.map(halves) : read, { explain: kind === 'student' });
    const batch = kept(texts, answers, this.#opening);
    return transfer(batch, [batch.labels.buffer, batch.scores.buffer, batch.tally.counts.buffer, batch.tally.sums.buffer]);
  }
}

expose(new Reader());
