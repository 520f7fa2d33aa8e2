/** From a model's answers to what is kept of them. No DOM here. */

import { halves } from 'stillglass/client';
import type { Answer } from 'stillglass';
import { centredWords, strongest } from '../explain.ts';
import { NO_LABEL, type Answers } from './protocol.ts';
import { Tally } from './tally.ts';

/** Whether a model has anything to read in a text; of a pair, in both. */
export function readable(text: string, pairs: boolean): boolean {
  return pairs ? halves(text).every((own) => own.trim() !== '') : text.trim() !== '';
}

/** What is kept of a batch: `answers` holds one for each text that is {@link readable}, in order. */
export function kept(texts: readonly string[], answers: readonly Answer[], { labels, pairs }: { labels: readonly string[]; pairs: boolean }): Answers {
  const places = new Map(labels.map((label, at) => [label, at]));
  const tally = new Tally(labels);
  const batch: Omit<Answers, 'tally'> = {
    labels: new Uint16Array(texts.length).fill(NO_LABEL),
    scores: new Float32Array(texts.length * labels.length),
    words: [],
    cut: 0,
  };
  let next = 0;
  texts.forEach((text, row) => {
    const answer = readable(text, pairs) ? answers[next++] : undefined;
    // What speaks for a class rather than the others: with more than two, plain weights may lean to one side together.
    const words = centredWords(answer?.words ?? []);
    batch.words.push(answer ? strongest(words, answer.label) : { for: [], against: [] });
    if (answer === undefined) return;
    batch.labels[row] = places.get(answer.label) ?? NO_LABEL;
    batch.scores.set(labels.map((label) => answer.scores[label] ?? 0), row * labels.length);
    if (answer.truncated !== undefined) batch.cut++;
    tally.addWords(words);
  });
  return { ...batch, tally: tally.packed() };
}
