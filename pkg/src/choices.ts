/** A question and what may answer it: each choice is read beside the question, and the one that fits best is chosen. */

import { kind, textOf } from './arguments.js';
import { StillglassError } from './errors.js';
import type { Classification, ChoiceWord, Chosen, ModelInfo, Pair, Word } from './types.js';

/** Most choices of a question: each is read with the whole question. */
const MOST_CHOICES = 100;

/** The question beside each choice, if the model chooses and these are texts. */
export function pairsOf(question: unknown, choices: unknown, info: Pick<ModelInfo, 'pairs' | 'choices'>): Pair[] {
  const bad = (why: string) => new StillglassError('bad-argument', `choose: ${why}`);
  if (!info.choices) throw bad('this model does not choose among answers (info.choices); use classify');
  if (!Array.isArray(choices)) throw bad('choices: want an array of strings');
  if (choices.length < 2 || choices.length > MOST_CHOICES) throw bad(`choices: want 2 to ${MOST_CHOICES}, found ${choices.length}`);
  if (typeof question !== 'string') throw bad(`question: want a string, found ${kind(question)}`);
  for (const [at, choice] of Array.from(choices).entries()) {
    if (typeof choice !== 'string') throw bad(`choice ${at}: want a string, found ${kind(choice)}`);
  }
  return Array.from(choices, (choice: unknown, at) => textOf([question, choice], info, `choose, choice ${at}`) as Pair);
}

/** What is chosen, from what the model makes of the question beside each choice. */
export function chosen(answers: readonly Classification[], labels: readonly string[]): Chosen {
  const [wrong = '', right = ''] = labels;
  // Of 32 bits, as the runtime's own numbers.
  const gap = (byClass: Record<string, number>) => Math.fround((byClass[right] ?? 0) - (byClass[wrong] ?? 0));
  const logits = answers.map(({ logits: [no = 0, yes = 0] }) => Math.fround(yes - no));
  const scores = softmax(logits);
  const each = <T>(of: (answer: Classification) => T | undefined): T[] | undefined => {
    const all = answers.map(of);
    return all.every((one) => one !== undefined) ? (all as T[]) : undefined;
  };
  const [first] = answers;
  const { backend = 'cpu', explanation } = first ?? {};
  const reason = answers.find((answer) => answer.reason !== undefined)?.reason;
  const words = each(({ words }) => words);
  const bias = each(({ bias }) => bias && gap(bias));
  const cut = answers.flatMap(({ truncated }, at) => (truncated === undefined ? [] : [{ choice: at, ...truncated }]));
  return {
    choice: logits.indexOf(Math.max(...logits)),
    scores,
    logits,
    tokens: answers.reduce((sum, { tokens }) => sum + tokens, 0),
    backend,
    ...(reason !== undefined && { reason }),
    ...(cut.length > 0 && { truncated: cut }),
    ...(words && bias && explanation && {
      words: wordsOf(words, gap),
      bias,
      boundary: answers.map(({ boundary }) => (boundary === undefined ? 0 : gap(boundary))),
      explanation: {
        method: explanation.method,
        nodes: explanation.nodes,
        completeness: Math.max(...answers.map((answer) => answer.explanation?.completeness ?? 0)),
        remainder: answers.map((answer) => gap(answer.explanation?.remainder ?? {})),
      },
    }),
  };
}

/** The question's words, each with what it gave to every choice, then the choices' own, which give to no other. */
function wordsOf(answers: readonly (readonly Word[])[], gap: (byClass: Record<string, number>) => number): ChoiceWord[] {
  const inFirst = (words: readonly Word[]) => words.filter(({ half }) => half === undefined);
  const questions = answers.map(inFirst);
  // Beside a long choice less of it is read: what is missing there gave it nothing.
  const longest = questions.reduce<readonly Word[]>((most, words) => (words.length > most.length ? words : most), []);
  const asked = longest.map(({ text, start, end }, at) => {
    const weights = questions.map((words) => gap(words[at]?.weights ?? {}));
    return { text, start, end, weights };
  });
  const own = answers.flatMap((words, choice) =>
    words.filter(({ half }) => half !== undefined).map(({ text, start, end, weights }) => ({
      text,
      start,
      end,
      choice,
      weights: answers.map((_, other) => (other === choice ? gap(weights) : 0)),
    })),
  );
  return [...asked, ...own];
}

function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const sum = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / sum);
}
