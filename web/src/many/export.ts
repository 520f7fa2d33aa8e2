/** Results as files: the columns of the file, then the label, the score of each class, and the strongest words. */

import { csv, rounded } from '../spreadsheet.ts';
import { cellOf, distinct } from './columns.ts';
import type { Judged } from './ledger.ts';

/** What can be downloaded. */
export type FileKind = 'csv' | 'jsonl';

/** What is written before every other row. */
export interface Heading {
  /** Names of the file's own columns. */
  columns: string[];
  labels: readonly string[];
}

/** Names of the columns that are added; marked where the file has one of that name. */
export function added({ columns, labels }: Heading): string[] {
  const names = ['label', ...labels.map((label) => `score ${label}`), 'words for', 'words against'];
  const taken = new Set(columns);
  return names.some((name) => taken.has(name)) ? names.map((name) => `stillglass ${name}`) : names;
}

/** The first line of a CSV file. */
export function csvHead(heading: Heading): string {
  return csv([distinct([...heading.columns, ...added(heading)])]);
}

/** Rows as CSV (RFC 4180); what looks like a formula begins with an apostrophe instead. */
export function csvRows(rows: readonly Judged[], { columns }: Heading): string {
  return csv(rows.map((judged) => [...columns.map((name, at) => cell(judged, name, at)), ...verdict(judged)]));
}

/** Rows as one JSON object a line, with everything as the file has it. */
export function jsonRows(rows: readonly Judged[], heading: Heading): string {
  const names = added(heading);
  return rows.map((judged) => `${JSON.stringify(object(judged, heading, names))}\n`).join('');
}

function object(judged: Judged, { columns, labels }: Heading, names: string[]): Record<string, unknown> {
  const { row, label, scores } = judged;
  const [labelName = 'label', ...rest] = names;
  const own = Array.isArray(row) ? columns.map((name, at): [string, unknown] => [name, row[at] ?? '']) : Object.entries(row);
  const figures = labels.map((_, at): [string, unknown] => [rest[at] ?? '', label === undefined ? null : rounded(scores[at] ?? 0)]);
  const words = [judged.for, judged.against].map((list, at): [string, unknown] => [rest[labels.length + at] ?? '', list]);
  // Not by assignment, which a column called `__proto__` would turn against the object.
  return Object.fromEntries([...own, [labelName, label ?? null], ...figures, ...words]);
}

function verdict({ label, scores, ...words }: Judged): (string | number)[] {
  const figures = scores.map((score) => (label === undefined ? '' : rounded(score)));
  return [label ?? '', ...figures, words.for.join(' '), words.against.join(' ')];
}

function cell({ row }: Judged, name: string, at: number): string {
  return cellOf(row, Array.isArray(row) ? at : name);
}
