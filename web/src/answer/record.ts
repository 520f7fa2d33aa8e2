/** An answer as data for others: JSON, CSV, and text to paste. No DOM here. */

import type { Classification, Word } from 'stillglass';
import { without } from 'stillglass/metrics';
import { centred, ranks, rows, shares } from '../explain.ts';
import { percent, signed, title } from '../format.ts';
import { csv, rounded } from '../spreadsheet.ts';
import { readText, readers, type Answer, type Reader } from './answer.ts';

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
export const MEANING = 'Contributions are in logits, over the mean of all classes; a reader’s words, start and rest add up to its score.';

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
    text: answer.text,
    class: answer.label,
    readers: readers(answer).map((reader) => ofReader(reader, answer.labels)),
    without: out && {
      words: out.words.map(({ text, start, end }) => ({ text, start, end })),
      readers: readers(answer).flatMap((reader) => withoutWords(answer, reader, out)),
    },
  };
  return `${JSON.stringify(record, null, 2)}\n`;
}

/** What a reader says of what it reads of the text when words are taken out, if it has been asked. */
function withoutWords({ text, labels }: Answer, { name, result }: Reader, { words, after }: NonNullable<Saved['out']>): object[] {
  const said = after.get(name);
  if (said === undefined) return [];
  return [{ reader: name, text: without(readText(text, result), words), label: said.label, scores: pairs(labels, said.scores) }];
}

function ofReader({ name, result, words }: Reader, labels: readonly string[]): object {
  const { label, scores, tokens, truncated, backend, ms, explanation, bias, logits } = result;
  const byClass = (values: Record<string, number>) => pairs(labels, centred(values));
  return {
    reader: name,
    label,
    scores: pairs(labels, scores),
    words: words.map(({ text, start, end, weights }) => ({ text, start, end, contributions: pairs(labels, weights) })),
    start: byClass(bias ?? {}),
    rest: byClass(explanation?.remainder ?? {}),
    score: byClass(Object.fromEntries(labels.map((name, at) => [name, logits[at] ?? 0]))),
    method: explanation?.method,
    nodes: explanation?.nodes,
    completeness: explanation?.completeness,
    tokens,
    truncated,
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
  const { label, labels } = answer;
  const removed = new Set(out?.words.map(({ start }) => start));
  const head = ['reader', 'kind', 'text', 'from', 'to', 'removed', `rank for ${label}`, `share for ${label}`, ...labels];
  const lines = readers(answer).flatMap(({ name, result, words }) => {
    const [places, parts] = [ranks(words, label), shares(words, label)];
    const figures = rows(result, words, labels).map(({ kind, text, values }, at) => {
      const word = kind === 'word' ? words[at] : undefined;
      const own = word && [word.start, word.end, removed.has(word.start) ? 'yes' : 'no', places[at], rounded(parts[at] ?? 0)];
      return [name, kind, text, ...(own ?? blank(5)), ...values.map((value) => rounded(value ?? 0))];
    });
    const after = out?.after.get(name);
    const probability = (kind: string, { scores }: Classification) => [name, kind, ...blank(6), ...labels.map((one) => rounded(scores[one] ?? 0))];
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
  return [answer.text, ...blocks, ...(taken === undefined ? [] : [taken]), `${model.name} model, Stillglass ${version}`].join('\n\n').concat('\n');
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
