/** The columns of a file, and which one is likely to hold the texts. No DOM here. */

import { joined } from 'stillglass/client';
import type { Column, Row, Sample, TextColumn } from './protocol.ts';

/** Names that columns with texts often have. */
export const LIKELY = /^(text|texts|sentence|message|content|body|tweet|review|comment|headline|title|description|sms)$/i;

/** Names that the two columns of pairs often have. */
const LIKELY_PAIR = [/^(premise|first|text|query|(text|sentence|question)[ _]?[1a])$/i, /^(hypothesis|second|answer|text[ _]pair|(text|sentence|question)[ _]?[2b])$/i] as const;

/** The names of columns, in order: from the first row, made up, or the keys of the objects. */
export function columnsOf({ layout, rows }: Sample): string[] {
  const [first] = rows;
  if (layout.format === 'text') return ['text'];
  if (!Array.isArray(first)) return [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const width = Math.max(...rows.map((row) => (row as string[]).length));
  return distinct(Array.from({ length: width }, (_, at) => (layout.heading ? (first[at] ?? '') : '')));
}

/** Names without repetition or gaps, so that each column can be told from the others. */
export function distinct(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name, at) => {
    const wanted = name.trim() === '' ? `column ${at + 1}` : name;
    let found = wanted;
    for (let again = 2; taken.has(found); again++) found = `${wanted} (${again})`;
    taken.add(found);
    return found;
  });
}

/** The place of the column that most looks like texts: by its name, or by its length. */
export function likely(sample: Sample): number {
  const columns = columnsOf(sample);
  const named = columns.findIndex((name) => LIKELY.test(name.trim()));
  return named >= 0 ? named : longest(sample, columns);
}

/** The places of the two columns that most look like the texts of pairs: by their names, or by their length; in a file of one column, that twice. */
export function likelyPair(sample: Sample): [number, number] {
  const columns = columnsOf(sample);
  const [first, second] = LIKELY_PAIR.map((pattern) => columns.findIndex((name) => pattern.test(name.trim()))) as [number, number];
  if (first >= 0 && second >= 0) return [first, second];
  const one = first >= 0 ? first : longest(sample, columns, second);
  const other = second >= 0 ? second : longest(sample, columns, one);
  // In the order of the file, where no name says another.
  return first < 0 && second < 0 ? [Math.min(one, other), Math.max(one, other)] : [one, other];
}

/** The place of the column with most text, another than `but`. */
function longest(sample: Sample, columns: readonly string[], but = -1): number {
  const rows = sample.layout.heading ? sample.rows.slice(1) : sample.rows;
  const lengths = columns.map((name, at) => {
    const column = Array.isArray(sample.rows[0]) ? at : name;
    return at === but ? -1 : rows.reduce((sum, row) => sum + cellOf(row, column).length, 0);
  });
  return Math.max(0, lengths.indexOf(Math.max(...lengths)));
}

/** The text of a row, of a pair both as one. */
export function textOf(row: Row, column: TextColumn): string {
  return typeof column === 'object' ? joined([cellOf(row, column[0]), cellOf(row, column[1])]) : cellOf(row, column);
}

/** The same on one line of the table: of a pair, both with a stroke between. */
export function shownOf(row: Row, column: TextColumn): string {
  return typeof column === 'object' ? column.map((one) => cellOf(row, one)).join(' / ') : cellOf(row, column);
}

/** A cell as text; what is no text in an object is written as JSON. */
export function cellOf(row: Row, column: Column): string {
  if (Array.isArray(row)) return row[column as number] ?? '';
  const value = Object.hasOwn(row, column) ? row[column] : undefined;
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}
