/** What a model is asked the reason of: its answer to the text, or, where it chooses, the choice that is shown. No DOM here. */

import type { Word } from 'stillglass/client';
import type { Reading } from './opened.ts';
import { isQuestion, namesOf, textAt, textsOf, together, type Names } from './texts.ts';

/** What a reason is about. */
export interface Asked {
  /** The page's text. */
  text: string;
  /** What the model is asked about: the text, or of a question it and the one choice that the reason is for. */
  asked: string;
  /** Its words as the evidence has them, and those of all that is shown. */
  words: readonly Word[];
  shown: readonly Word[];
  /** What the two texts are called, if it is a pair. */
  names: Names | undefined;
  /** The class that the reason is for. */
  label: string;
}

/** What is asked of a reading; `label` is the class that is shown, `names` what the model's texts are called. */
export function askedOf({ text, labels, result }: Reading, words: readonly Word[], label: string, names: Names | undefined): Asked {
  if (names === undefined || !isQuestion(text)) return { text, asked: text, words, shown: words, names, label: result.label };
  const at = labels.indexOf(label) + 1;
  const [all, called] = [textsOf(text), namesOf(text, names)];
  const pick = (of: readonly string[] | undefined): [string, string] => [of?.[0] ?? '', of?.[at] ?? ''];
  // The words of the other choices were not there, nor was what was read of the question beside a shorter one alone.
  const beside = result.beside?.[at - 1] ?? Infinity;
  const read = words.filter(({ start }) => {
    const of = textAt(text, start);
    return of === at || (of === 0 && start < beside);
  });
  return { text, asked: together(pick(all)), words: read, shown: words, names: pick(called), label };
}
