/**
 * How faithful an explanation is: what the model says once the words named are gone, or alone.
 *
 * Comprehensiveness and sufficiency follow DeYoung et al. 2020 (ERASER), averaged over shares of the words.
 */

import { StillglassError } from './errors.js';
import { asRead, without } from './reduced.js';
import type { Classification, Text, Word } from './types.js';

/** Whatever classifies many texts: a `Classifier` or a `Model`. */
export interface Answering {
  classifyAll(texts: Text[], options?: { explain?: boolean; signal?: AbortSignal }): Promise<Classification[]> | Classification[];
}

/** What to measure. */
export interface FaithfulnessOptions {
  /** The class explained. Default: the predicted one. */
  label?: string;
  /** Shares of the words that count as the explanation, each rounded up to words. Default: 1, 5, 10, 20, 50 %. */
  shares?: readonly number[];
  /** The explanation. Default: the model's own. */
  words?: readonly Word[];
  signal?: AbortSignal;
}

/** A measure, averaged over the shares and for each of them. */
export interface Faithfulness {
  /** The class whose probability was measured. */
  label: string;
  mean: number;
  /** In the order of the shares. */
  values: number[];
}

/** The class's probability once so many words are gone. */
export interface Point {
  /** Words taken out, the strongest for the class first. */
  removed: number;
  probability: number;
}

const SHARES = [0.01, 0.05, 0.1, 0.2, 0.5];

/** p(text) − p(text without its strongest words): high if the explanation names what mattered. */
export async function comprehensiveness(model: Answering, text: Text, options: FaithfulnessOptions = {}): Promise<Faithfulness> {
  return drops(model, text, options, (ranked, count) => ranked.slice(0, count));
}

/** p(text) − p(its strongest words alone): low if the explanation names enough. */
export async function sufficiency(model: Answering, text: Text, options: FaithfulnessOptions = {}): Promise<Faithfulness> {
  return drops(model, text, options, (ranked, count) => ranked.slice(count));
}

/** The class's probability as words are taken out one after the other, the strongest first. */
export async function deletionCurve(model: Answering, text: Text, options: FaithfulnessOptions = {}): Promise<Point[]> {
  const { label, read, ranked, signal } = await explained(model, text, options);
  const texts = Array.from({ length: ranked.length + 1 }, (_, removed) => without(read, ranked.slice(0, removed)));
  const answers = await model.classifyAll(texts, signal);
  return answers.map(({ scores }, removed) => ({ removed, probability: scores[label] ?? 0 }));
}

async function drops(
  model: Answering,
  text: Text,
  options: FaithfulnessOptions,
  removed: (ranked: Word[], count: number) => Word[],
): Promise<Faithfulness> {
  const shares = options.shares ?? SHARES;
  if (shares.length === 0 || !shares.every((share) => share >= 0 && share <= 1)) {
    throw new StillglassError('bad-argument', 'faithfulness: shares: want at least one, each from 0 to 1');
  }
  const { label, read, ranked, probability, signal } = await explained(model, text, options);
  const counts = shares.map((share) => Math.ceil(share * ranked.length));
  const answers = await model.classifyAll(counts.map((count) => without(read, removed(ranked, count))), signal);
  const values = answers.map(({ scores }) => probability - (scores[label] ?? 0));
  return { label, mean: values.reduce((sum, value) => sum + value, 0) / values.length, values };
}

/**
 * The class asked about, its probability, the text as far as the model read it, and its words, the strongest
 * for the class first. What was not read stays out: it would move up where words are taken out.
 */
export async function explained(model: Answering, text: Text, { label, words, signal }: Omit<FaithfulnessOptions, 'shares'>) {
  const company = signal === undefined ? {} : { signal };
  const [answer] = await model.classifyAll([text], { explain: words === undefined, ...company });
  if (answer === undefined) throw new StillglassError('failed', 'faithfulness: the model gave no answer');
  const wanted = label ?? answer.label;
  const probability = Object.hasOwn(answer.scores, wanted) ? answer.scores[wanted] : undefined;
  if (probability === undefined) {
    const classes = Object.keys(answer.scores).join(', ');
    throw new StillglassError('bad-argument', `faithfulness: no class "${wanted}"; the model has ${classes}`);
  }
  const strength = (word: Word) => word.weights[wanted] ?? 0;
  const ranked = [...(words ?? answer.words ?? [])].sort((a, b) => strength(b) - strength(a));
  return { label: wanted, probability, read: asRead(text, answer), ranked, signal: company };
}
