/** A model as the page knows it before it is loaded. */

import type { Names } from './texts.ts';

/** A text to try a model on. */
export interface Example {
  title: string;
  /** Both, for a model of pairs; the question and its choices, for one that chooses. */
  text: string | readonly string[];
}

/** A model one can choose. */
export interface Entry {
  id: string;
  name: string;
  /** What the model answers, as a question. */
  question: string;
  placeholder: string;
  /** What the two texts are called, of a model of pairs; none for one that reads single texts. */
  texts?: Names;
  /** Whether it chooses among answers: the texts are then a question and an answer. */
  choices?: boolean;
  examples: Example[];
  /** The bundle's address; the file's own bytes for one opened from disk. */
  source: string | File;
  /** The larger model it was distilled from, for those who ask. */
  teacher?: { source: string; bytes: number };
}
