/** An answer as data for others: JSON, CSV, and text to paste. No DOM here. */

import type { Classification, Word } from 'stillglass';
import { centred, ranks, rows, shares } from '../explain.ts';
import { percent, signed, title } from '../format.ts';
import { csv, rounded } from '../spreadsheet.ts';
import { ownPlace, textAt, textsOf, type Placed } from '../texts.ts';
import { readers, type Answer, type Reader } from './answer.ts';
import { withoutWords } from './without.ts';

/** An answer, and what one has to know of it elsewhere. */
export interface Saved {
  answer: Answer;
  /** The model's name and id. */
  model: { name: string; id: string };
  /** The words taken out, and what each reader says of the text without them; none if all are in. */
  out?: { words: readonly Word[]; after: ReadonlyMap<Reader['name'], Classification> } | undefined;
  /** When it was saved. */
  made: Date;
  /** Of Stillglass. */
  version: string;
}

/** How many words the text to paste names on each side. */
const NAMED = 5;

/** What contributions are, for who sees only the file. */
export const MEANING = 'Contributions are in logits, over the mean of all classes; a reader’s words, start, rest and, of several texts, boundary add up to its score.';

/** What a reason in words is worth, for who sees only the file. */
export const ABOUT_REASON = 'Written by the same network beside its answer; nothing makes it true or complete. What the answer was computed from are the contributions.';

/** A name for a file: the model's, and the time, in letters that every file system takes. */
export function fileName({ model, made }: Pick<Saved, 'model' | 'made'>, kind: string): string {
  const name = [...model.name.normalize('NFC').replace(/[^\p{Letter}\p{Mark}\p{Number}]+/gu, '-').replace(/^-|-$/g, '')].slice(0, 40).join('');
  const two = (value: number) => String(value).padStart(2, '0');
  const day = [made.getFullYear(), two(made.getMonth() + 1), two(made.getDate())].join('-');
  const time = [made.getHours(), made.getMinutes(), made.getSeconds()].map(two).join('');
  return `stillglass-${name === '' ? 'model' : name}-${day}-${time}.${kind}`;
}

/** Everything, for programs. */
export function asJson(saved: Saved): string {
  const { answer, model, out, made, version } = saved;
  const record = {
    format: 'stillglass/answer/1',
    version,
    made: made.toISOString(),
    meaning: MEANING,
    model,
    text: textOf(answer, answer.text),
    texts: answer.names,
    class: answer.label,
    readers: readers(answer).map((reader) => ofReader(reader, answer)),
    reason: answer.reason && { about: ABOUT_REASON, ...answer.reason },
    without: out && {
      words: out.words.map((word) => ({ text: word.text, ...placeOf(answer, word) })),
      readers: readers(answer).flatMap((reader) => saidWithout(answer, reader, out)),
    },
  };
  return `${JSON.stringify(record, null, 2)}\n`;
}

/** The text for programs: of several, the list of them. */
function textOf({ names }: Answer, text: string): string | readonly string[] {
  return names === undefined ? text : textsOf(text);
}

/** Where a word is in its own text. */
function placeOf({ text, names }: Answer, word: Word): Partial<ReturnType<typeof ownPlace>> {
  return names === undefined ? { start: word.start, end: word.end } : ownPlace(text, word);
}

/** How much was read: of a text or both of a pair as the package tells it; of a question, and of each of its choices. */
function cutOf({ truncated, ends = [], beside }: Placed): object | undefined {
  return beside === undefined ? truncated : { ...truncated, choices: ends.slice(1) };
}

/** What a reader says of what it reads of the text when words are taken out, if it has been asked. */
function saidWithout(answer: Answer, { name, result }: Reader, { words, after }: NonNullable<Saved['out']>): object[] {
  const said = after.get(name);
  if (said === undefined) return [];
  const { text, labels } = answer;
  return [{ reader: name, text: textOf(answer, withoutWords(text, result, words)), label: said.label, scores: pairs(labels, said.scores) }];
}

function ofReader({ name, result, words }: Reader, answer: Answer): object {
  const { labels } = answer;
  const { label, scores, tokens, backend, ms, explanation, bias, boundary, logits } = result;
  const byClass = (values: Record<string, number>) => pairs(labels, centred(values));
  return {
    reader: name,
    label,
    scores: pairs(labels, scores),
    words: words.map((word) => ({ text: word.text, ...placeOf(answer, word), contributions: pairs(labels, word.weights) })),
    boundary: boundary && byClass(boundary),
    start: byClass(bias ?? {}),
    rest: byClass(explanation?.remainder ?? {}),
    score: byClass(Object.fromEntries(labels.map((name, at) => [name, logits[at] ?? 0]))),
    method: explanation?.method,
    nodes: explanation?.nodes,
    completeness: explanation?.completeness,
    tokens,
    truncated: cutOf(result),
    backend,
    ms,
  };
}

/** As a list, for a class may be called anything, `__proto__` too. */
function pairs(labels: readonly string[], values: Record<string, number>): { class: string; value: number }[] {
  return labels.map((label) => ({ class: label, value: rounded(values[label] ?? 0) }));
}

/** A line for each word and each figure of each reader, for spreadsheets. */
export function asCsv({ answer, out }: Saved): string {
  const { label, labels, names } = answer;
  const removed = new Set(out?.words.map(({ start }) => start));
  const head = ['reader', 'kind', 'text', ...(names === undefined ? [] : ['of']), 'from', 'to', 'removed', `rank for ${label}`, `share for ${label}`, ...labels];
  const cells = names === undefined ? 5 : 6;
  const lines = readers(answer).flatMap(({ name, result, words }) => {
    const [places, parts] = [ranks(words, label), shares(words, label)];
    const figures = rows(result, words, labels).map(({ kind, text, values }, at) => {
      const word = kind === 'word' ? words[at] : undefined;
      const { start, end } = word === undefined ? {} : placeOf(answer, word);
      const own = word && [...(names === undefined ? [] : [names[textAt(answer.text, word.start)] ?? '']), start, end, removed.has(word.start) ? 'yes' : 'no', places[at], rounded(parts[at] ?? 0)];
      return [name, kind, text, ...(own ?? blank(cells)), ...values.map((value) => rounded(value ?? 0))];
    });
    const after = out?.after.get(name);
    const probability = (kind: string, { scores }: Classification) => [name, kind, ...blank(cells + 1), ...labels.map((one) => rounded(scores[one] ?? 0))];
    return [
      ...figures,
      probability('probability', result),
      ...(after === undefined ? [] : [probability('probability without the removed words', after)]),
    ];
  });
  return csv([head, ...lines]);
}

function blank(cells: number): string[] {
  return new Array<string>(cells).fill('');
}

/** To paste into a letter. */
export function asText(saved: Saved): string {
  const { answer, model, out, version } = saved;
  const blocks = readers(answer).map((reader) => paragraph(saved, reader));
  const taken = out && `Taken out: ${out.words.map(({ text }) => `“${text}”`).join(', ')}`;
  const { names, reason } = answer;
  const text = names === undefined ? answer.text : textsOf(answer.text).map((own, at) => `${names[at]}: ${own}`).join('\n');
  const said = reason && `In words, for ${reason.label}: ${reason.text}\n(${ABOUT_REASON})`;
  return [text, ...blocks, ...(said === undefined ? [] : [said]), ...(taken === undefined ? [] : [taken]), `${model.name} model, Stillglass ${version}`].join('\n\n').concat('\n');
}

function paragraph({ answer: { label, labels }, out }: Saved, { name, result, words }: Reader): string {
  const probabilities = (scores: Record<string, number>) => labels.map((one) => `${one} ${percent(scores[one] ?? 0)}`).join(', ');
  const value = (word: Word) => word.weights[label] ?? 0;
  const ranked = [...words].sort((a, b) => Math.abs(value(b)) - Math.abs(value(a)));
  const side = (title: string, list: Word[]) =>
    list.length === 0 ? [] : [`${title} ${label}: ${list.slice(0, NAMED).map((word) => `“${word.text}” ${signed(value(word))}`).join(', ')}`];
  const after = out?.after.get(name);
  return [
    `${name}: ${title(result.label)} (${probabilities(result.scores)})`,
    ...side('For', ranked.filter((word) => value(word) > 0)),
    ...side('Against', ranked.filter((word) => value(word) < 0)),
    ...(after === undefined ? [] : [`Without the words taken out: ${title(after.label)} (${probabilities(after.scores)})`]),
  ].join('\n');
}
