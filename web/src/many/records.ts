/** A file as rows, read as a stream: never all of it at once. No DOM here. */

import Papa from 'papaparse';
import { LONGEST_TEXT } from 'stillglass/client';
import { FileProblem, decode, readable } from './source.ts';
import type { Layout, Row } from './protocol.ts';

/** Rows that were read together. */
export interface Stretch {
  rows: Row[];
  /** Bytes of the file that have been read by now. */
  bytes: number;
}

/** The rows of a file in order, those with the names of columns left out; lines with nothing in them are passed over. */
export async function* rowsOf(file: File, layout: Layout): AsyncGenerator<Stretch, void, void> {
  const rows = cutterOf(layout);
  let heading = layout.heading;
  let rest = '';
  for await (const { text, bytes, whole } of decoded(file, layout)) {
    const cut = rows(rest + text, whole);
    rest = cut.rest;
    if (heading && cut.rows.length > 0) {
      cut.rows.shift();
      heading = false;
    }
    yield { rows: cut.rows, bytes };
    // After what stands before it has been handed on.
    if (cut.problem !== undefined) throw cut.problem;
    if (rest.length > LONGEST_TEXT) throw tooLong(layout);
  }
}

interface Decoded {
  text: string;
  bytes: number;
  whole: boolean;
}

async function* decoded(file: File, { encoding }: Layout): AsyncGenerator<Decoded, void, void> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const reader = file.stream().getReader();
  const { name } = file;
  let bytes = 0;
  try {
    for (;;) {
      const { done, value = new Uint8Array() } = await readable(file, reader.read());
      const text = decode(decoder, value, { whole: done, from: bytes, name });
      bytes += value.length;
      yield { text, bytes, whole: done };
      if (done) return;
    }
  } finally {
    // Whoever breaks off wants no more of the file.
    await reader.cancel().catch(() => undefined);
  }
}

/** The rows at the beginning of a text that are sure to be whole, and what is left of it. */
interface Cut {
  rows: Row[];
  rest: string;
  problem?: FileProblem;
}

type Cutter = (text: string, whole: boolean) => Cut;

/** What cuts a text of this layout into rows, called for one stretch after the other. */
export function cutterOf(layout: Layout): Cutter {
  switch (layout.format) {
    case 'csv':
    case 'tsv':
      return (text, whole) => cells(layout, text, whole);
    case 'jsonl':
      return objects();
    case 'text':
      return (text, whole) => {
        const { lines, rest } = linesOf(text, whole);
        return { rows: lines.filter((line) => line.trim() !== '').map((line) => [line]), rest };
      };
  }
}

function cells({ delimiter }: Layout, text: string, whole: boolean): Cut {
  // A line break that has only begun waits for the next stretch.
  const begun = !whole && text.endsWith('\r') ? '\r' : '';
  const lines = sameEnds(text.slice(0, text.length - begun.length), delimiter);
  const parsed = new Papa.Parser({ delimiter, newline: '\n' }).parse(lines, 0, !whole) as Papa.ParseResult<string[]>;
  const rows = parsed.data.filter((row) => row.length > 1 || (row[0] ?? '') !== '');
  const open = whole && parsed.errors.some(({ code }) => code === 'MissingQuotes');
  if (!open) return { rows, rest: whole ? '' : lines.slice(parsed.meta.cursor) + begun };
  // Nobody knows how much of the file the last row has swallowed.
  rows.pop();
  return { rows, rest: '', problem: new FileProblem('a quotation mark in the last row is never closed; close it and choose the file again') };
}

/**
 * Ends all rows in the same way: they may end in several, in one file too, and a parser told of one would run the
 * others together. What stands in quotation marks, which count where a cell begins, stays as it is.
 */
function sameEnds(text: string, delimiter: string): string {
  if (!text.includes('\r')) return text;
  const quotedOrEnd = new RegExp(`(?<=^|[${delimiter}\r\n])"[^"]*(?:""[^"]*)*"?|\r\n?`, 'g');
  return text.replace(quotedOrEnd, (found) => (found.startsWith('"') ? found : '\n'));
}

function objects(): Cutter {
  let number = 0;
  return (text, whole) => {
    const { lines, rest } = linesOf(text, whole);
    const rows: Row[] = [];
    for (const line of lines) {
      number++;
      if (line.trim() === '') continue;
      const row = objectOf(line);
      if (row === undefined) return { rows, rest, problem: new FileProblem(`line ${number} is no JSON object; mend the line and choose the file again`) };
      rows.push(row);
    }
    return { rows, rest };
  };
}

function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function linesOf(text: string, whole: boolean): { lines: string[]; rest: string } {
  const lines = text.split(/\r?\n/);
  // The last one may go on in the next stretch, and so may a line break that has only begun.
  const rest = whole ? '' : (lines.pop() ?? '');
  return { lines, rest };
}

function tooLong({ format }: Layout): FileProblem {
  const quoted = format === 'csv' || format === 'tsv' ? '; perhaps a quotation mark in it is never closed' : '';
  return new FileProblem(`the row after that is longer than ${LONGEST_TEXT.toLocaleString('en')} characters${quoted}`);
}
