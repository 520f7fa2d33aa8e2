/** The columns of a file, and which one is likely to hold the texts. No DOM here. */

import type { Row, Sample } from './protocol.ts';

/** Names that columns with texts often have. */
export const LIKELY = /^(text|texts|sentence|message|content|body|tweet|review|comment|headline|title|description|sms)$/i;

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
  if (named >= 0) return named;
  const rows = sample.layout.heading ? sample.rows.slice(1) : sample.rows;
  const lengths = columns.map((name, at) => {
    const column = Array.isArray(sample.rows[0]) ? at : name;
    return rows.reduce((sum, row) => sum + cellOf(row, column).length, 0);
  });
  return Math.max(0, lengths.indexOf(Math.max(...lengths)));
}

/** A cell as text; what is no text in an object is written as JSON. */
export function cellOf(row: Row, column: number | string): string {
  if (Array.isArray(row)) return row[column as number] ?? '';
  const value = Object.hasOwn(row, column) ? row[column] : undefined;
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}
