/**
 * Several texts as the page holds them: one text with separators, as the package joins a pair, so that every word has one
 * place in it and nothing needs to know of them that does not show them. A pair is two; a question with its choices is
 * three or more. No DOM here.
 */

import { joined, type Answer, type ChosenAnswer, type Word } from 'stillglass/client';
import { segments, type Segment } from './explain.ts';

/** What a reader calls the texts. */
export type Names = readonly string[];

/** What the two of a pair are called where nobody has named them, and a question and its answer. */
export const UNNAMED: Names = ['First text', 'Second text'];
export const UNNAMED_QUESTION: Names = ['Question', 'Answer'];

/** What stands between two texts. */
const SEPARATOR = joined(['', '']);

/** The fewest answers that a question is read with. */
export const FEWEST = 2;

/** Texts as one. */
export function together(texts: readonly string[]): string {
  return texts.map((text) => text.replaceAll(SEPARATOR, ' ')).join(SEPARATOR);
}

/** The texts that were put {@link together}. */
export function textsOf(text: string): string[] {
  return text.split(SEPARATOR);
}

/** All texts one under the other, for what reads a single one. */
export function inOne(text: string): string {
  return textsOf(text).join('\n');
}

/** Whether a text is two. */
export function isPair(text: string): boolean {
  return textsOf(text).length === 2;
}

/** Whether a text is a question and choices. */
export function isQuestion(text: string): boolean {
  return textsOf(text).length > FEWEST;
}

/** What the texts of a question are called, from what a question and an answer are. */
export function namesOf(text: string, names: Names | undefined): Names | undefined {
  if (names === undefined) return undefined;
  const [question = '', answer = ''] = names;
  return isQuestion(text) ? textsOf(text).map((_, at) => (at === 0 ? question : `${answer} ${at}`)) : names;
}

/** What tells the choices of a question apart: their texts; of equal ones the later have a number. */
export function choicesOf(text: string): string[] {
  const choices = textsOf(text).slice(1);
  const taken = new Set<string>();
  return choices.map((choice) => {
    let name = choice;
    // A number that makes it the text of another is none.
    for (let time = 2; taken.has(name) || (time > 2 && choices.includes(name)); time++) name = `${choice} (${time})`;
    taken.add(name);
    return name;
  });
}

/** Where in the page's one text each of the texts begins. */
function startsOf(text: string): number[] {
  let at = 0;
  return textsOf(text).map((own) => {
    const start = at;
    at += own.length + SEPARATOR.length;
    return start;
  });
}

/** Which of the texts a place is in. */
export function textAt(text: string, place: number): number {
  return textsOf(text.slice(0, place)).length - 1;
}

/** An answer as the page has it: words have their places in the page's one text, and of texts that are too long each its end. */
export interface Placed extends Answer {
  /** How much of each of the texts was read, in UTF-16 units. Present as `truncated` is. */
  ends?: readonly number[];
  /** Of a question, how much of it was read beside each choice; the first of `ends` is the most of these. */
  beside?: readonly number[];
}

/** The package's answer for a text, or for a pair if it is of `several`. */
export function placed(text: string, answer: Answer, several: boolean): Placed {
  const { truncated } = answer;
  if (!several) return truncated === undefined ? answer : { ...answer, ends: [truncated.from] };
  const [, second = 0] = startsOf(text);
  const { words, ...rest } = answer;
  const at = (half: 1 | undefined, place: number) => (half === undefined ? place : place + second);
  return {
    ...rest,
    ...(words && { words: words.map((word) => ({ ...word, start: at(word.half, word.start), end: at(word.half, word.end) })) }),
    ...(truncated && { ends: [truncated.from, truncated.second ?? 0] }),
  };
}

/** The package's answer to a question as that of a model whose classes are the choices, under these names. */
export function asClasses(text: string, { choice, scores, words, bias, boundary, truncated, explanation, ...rest }: ChosenAnswer, names: readonly string[]): Placed {
  const starts = startsOf(text);
  const byClass = (values: readonly number[]) => Object.fromEntries(names.map((name, at) => [name, values[at] ?? 0]));
  const place = ({ choice: own, start, end, ...word }: NonNullable<typeof words>[number]): Word => {
    const from = own === undefined ? 0 : (starts[own + 1] ?? 0);
    return { ...word, start: start + from, end: end + from, ...(own !== undefined && { half: 1 as const }), weights: byClass(word.weights) };
  };
  return {
    ...rest,
    label: names[choice] ?? '',
    scores: byClass(scores),
    ...(truncated && stopped(textsOf(text), truncated)),
    ...(words && { words: words.map(place) }),
    ...(bias && { bias: byClass(bias) }),
    ...(boundary && { boundary: byClass(boundary) }),
    ...(explanation && { explanation: { ...explanation, remainder: byClass(explanation.remainder) } }),
  };
}

/** How much was read of a question and of its choices. */
function stopped([question = '', ...choices]: string[], cuts: NonNullable<ChosenAnswer['truncated']>): Pick<Placed, 'truncated' | 'ends' | 'beside'> {
  const all = choices.map((choice, at) => cuts.find((cut) => cut.choice === at) ?? { from: question.length, second: choice.length });
  const beside = all.map(({ from }) => from);
  const from = Math.max(...beside);
  const tokens = Math.max(...cuts.map((cut) => cut.tokens));
  return { truncated: { tokens, from }, ends: [from, ...all.map(({ second = 0 }) => second)], beside };
}

/** A word's place in its own text, as the package tells it: of a pair's second text with `half`, of a choice with its place. */
export function ownPlace(text: string, { start, end }: Pick<Word, 'start' | 'end'>): { start: number; end: number; half?: 1; choice?: number } {
  const at = textAt(text, start);
  const from = startsOf(text)[at] ?? 0;
  const own = { start: start - from, end: end - from };
  if (at === 0) return own;
  return isQuestion(text) ? { ...own, choice: at - 1 } : { ...own, half: 1 };
}

/** A text, or each of several, as far as it was read, and its words at their places there. What was not read would come in where words go. */
export function asRead<W extends Pick<Word, 'start' | 'end'>>(text: string, { ends }: Pick<Placed, 'ends'>, words: readonly W[]): { text: string; words: readonly W[] } {
  if (ends === undefined) return { text, words };
  if (ends.length === 1) return { text: text.slice(0, ends[0]), words };
  const read = together(textsOf(text).map((own, at) => own.slice(0, ends[at])));
  const [starts, now] = [startsOf(text), startsOf(read)];
  const moved = (word: W): W => {
    const at = textAt(text, word.start);
    const by = (now[at] ?? 0) - (starts[at] ?? 0);
    return { ...word, start: word.start + by, end: word.end + by };
  };
  return { text: read, words: words.map(moved) };
}

/** A text as it is shown: what was read of it, cut at its words, and the rest. */
export interface Shown {
  parts: Segment[];
  unread: string;
}

/** Each of several texts, or the one; `ends` is how much of each was read, if not all. Segments name words by their places in the whole list. */
export function shownTexts(text: string, words: readonly Word[], ends: Placed['ends'], several: boolean): Shown[] {
  if (!several) return [{ parts: segments(text.slice(0, ends?.[0]), words), unread: ends === undefined ? '' : text.slice(ends[0]) }];
  const starts = startsOf(text);
  return textsOf(text).map((own, place) => {
    const from = starts[place] ?? 0;
    const end = ends?.[place] ?? own.length;
    const skipped = words.filter(({ start }) => start < from).length;
    const ours = words.filter(({ start }) => start >= from && start < from + own.length);
    const parts = segments(own.slice(0, end), ours.map((word) => ({ start: word.start - from, end: word.end - from })));
    return { parts: parts.map((part) => (part.word === undefined ? part : { ...part, word: part.word + skipped })), unread: own.slice(end) };
  });
}
