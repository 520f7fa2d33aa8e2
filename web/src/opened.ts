/** An open model: a classifier in a worker of its own, with what was measured of it in earlier visits. */

import { Classifier, halves, type Answer, type AskOptions, type LoadOptions, type ModelInfo, type Reason, type ReasonOptions, type Text } from 'stillglass/client';
import type { Entry } from './entry.ts';
import { asClasses, choicesOf, isQuestion, placed, textsOf, type Placed } from './texts.ts';
import { remember, remembered } from './timings.ts';

/** A text, which of several is one too, and what a model made of it. */
export interface Reading {
  text: string;
  result: Placed;
  /** The classes: the model's, or, where it chooses, the choices. */
  labels: readonly string[];
}

/** A model that is open, until it is ended. */
export class Opened {
  readonly info: ModelInfo;
  readonly #classifier: Classifier;
  readonly #key: string;

  private constructor(classifier: Classifier, key: string) {
    this.info = classifier.info;
    this.#classifier = classifier;
    this.#key = key;
  }

  /** Opens a bundle once it is here; its worker loads meanwhile. */
  static async open(source: Entry['source'], bundle: Promise<Blob>, signal?: AbortSignal): Promise<Opened> {
    const key = keyOf(source);
    return new Opened(await Classifier.load(bundle, known(key, signal)), key);
  }

  /** Opens another bundle in the same worker, and ends this one; should that fail, this one stays. */
  async replace(source: Entry['source'], bundle: Promise<Blob>, signal: AbortSignal): Promise<Opened> {
    const key = keyOf(source);
    return new Opened(await this.#classifier.replace(bundle, known(key, signal)), key);
  }

  /** Classifies one text. */
  async classify(text: string, options: AskOptions): Promise<Reading> {
    if (this.#chooses(text)) {
      const labels = choicesOf(text);
      return { text, result: await this.#choose(text, options, labels), labels };
    }
    const result = await this.#classifier.classify(this.#asked(text), options);
    this.#remember();
    return { text, result: placed(text, result, this.info.pairs), labels: this.info.labels };
  }

  /** Has it give its reason for the answer to a text; where it chooses, to a question and one answer. */
  reason(text: string, options: ReasonOptions): Promise<Reason> {
    return this.#classifier.reason(this.#asked(text), options);
  }

  /** Classifies many texts. Where they are variants of a question, its choices go by the names in `labels`, whatever is left of them. */
  async classifyAll(texts: string[], options: AskOptions, labels?: readonly string[]): Promise<Answer[]> {
    if (texts.some((text) => this.#chooses(text))) {
      const answers: Answer[] = [];
      for (const text of texts) answers.push(await this.#choose(text, options, labels ?? choicesOf(text)));
      return answers;
    }
    const answers = await this.#classifier.classifyAll(texts.map((text) => this.#asked(text)), options);
    this.#remember();
    return answers;
  }

  /** Ends its worker, which gives the memory back. */
  end(): void {
    void this.#classifier.dispose();
  }

  #chooses(text: string): boolean {
    return this.info.choices && isQuestion(text);
  }

  async #choose(text: string, options: AskOptions, labels: readonly string[]): Promise<Placed> {
    const [question = '', ...choices] = textsOf(text);
    const answer = await this.#classifier.choose(question, choices, options);
    this.#remember();
    return asClasses(text, answer, labels);
  }

  /** The page's text as the model takes it. */
  #asked(text: string): Text {
    return this.info.pairs ? halves(text) : text;
  }

  #remember(): void {
    const { timing } = this.#classifier;
    if (timing !== undefined) remember(this.#key, timing);
  }
}

function known(key: string, signal: AbortSignal | undefined): Pick<LoadOptions, 'timing' | 'signal'> {
  const timing = remembered(key);
  return { ...(timing && { timing }), ...(signal && { signal }) };
}

/** The same for the same bundle in the next visit: the build names its files by what they hold. */
function keyOf(source: Entry['source']): string {
  return source instanceof File ? `${source.name} ${source.size}` : new URL(source, location.href).pathname;
}
