/** The columns of a file, and which one is likely to hold the texts. No DOM here. */

import Papa from 'papaparse';
import type { Layout, Row, Sample } from './protocol.ts';
import { cutterOf } from './records.ts';
import { FileProblem, headOf, type Head } from './source.ts';

/** How many rows are looked at. */
const LOOKED_AT = 20;

const DELIMITERS = [',', ';', '\t', '|'];

/** Names that columns with texts often have. */
const LIKELY = /^(text|texts|sentence|message|content|body|tweet|review|comment|headline|title|description|sms)$/i;

/** A first look at a file: how it is written, and its first rows. */
export async function look(file: File): Promise<Sample> {
  const head = await headOf(file);
  const layout = layoutOf(head);
  const { rows, problem } = cutterOf(layout)(head.text, head.whole);
  if (rows.length === 0) throw problem ?? noRow(file.name, head);
  const looked = rows.slice(0, LOOKED_AT);
  return { layout: { ...layout, heading: layout.heading && headed(looked) }, rows: looked };
}

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

function layoutOf({ text, format, encoding, marked }: Head): Layout {
  const plain = { format, encoding, marked, delimiter: ',', newline: '\n', heading: false } as const;
  if (format !== 'csv' && format !== 'tsv') return plain;
  const { meta } = Papa.parse(text, { preview: LOOKED_AT, delimitersToGuess: DELIMITERS, skipEmptyLines: true });
  const newline = meta.linebreak === '\r\n' || meta.linebreak === '\r' ? meta.linebreak : '\n';
  return { ...plain, delimiter: format === 'tsv' ? '\t' : meta.delimiter, newline, heading: true };
}

/** Whether the first row looks like names: short, all there, none a number, and rows follow. */
function headed(rows: readonly Row[]): boolean {
  const [first] = rows;
  if (!Array.isArray(first) || rows.length < 2) return false;
  if (first.some((cell) => LIKELY.test(cell.trim()))) return true;
  return first.length > 1 && first.every((cell) => cell.trim() !== '' && cell.length <= 40 && Number.isNaN(Number(cell)));
}

function noRow(name: string, { whole }: Head): FileProblem {
  return new FileProblem(whole ? `${name} holds no row; choose a file with at least one text` : `the first row of ${name} is too long to be one`);
}
