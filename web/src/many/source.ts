/** What kind of file it is, from its name and its first bytes. No DOM here. */

import type { Encoding, Format } from './protocol.ts';

/** A file that cannot be read; the message says what was found and the way out. */
export class FileProblem extends Error {
  override readonly name = 'FileProblem';
}

/** How many bytes are looked at first. */
const HEAD = 256 * 1024;

const FORMATS: Record<string, Format> = {
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  txt: 'text',
  text: 'text',
};

/** Beginnings of files that are often taken for tables, and what to do about them. */
const OTHERS: [bytes: number[], found: string][] = [
  [[0x50, 0x4b, 0x03, 0x04], 'a workbook or a ZIP archive; open it in the program that made it and save it as CSV (UTF-8)'],
  [[0xd0, 0xcf, 0x11, 0xe0], 'an old Office file; open it in the program that made it and save it as CSV (UTF-8)'],
  [[0x1f, 0x8b], 'compressed with gzip; unpack it first'],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF; copy its text into a TXT file'],
];

const MARKS: [bytes: number[], encoding: Encoding][] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
];

/** The beginning of a file as text, and how the file is written. */
export interface Head {
  text: string;
  /** Whether the text is all of the file. */
  whole: boolean;
  format: Format;
  encoding: Encoding;
  marked: boolean;
}

/** Reads the beginning of a file. */
export async function headOf(file: File): Promise<Head> {
  if (file.size === 0) throw new FileProblem(`${file.name} is empty; choose a file with at least one text`);
  const bytes = new Uint8Array(await readable(file, file.slice(0, HEAD).arrayBuffer()));
  const mark = MARKS.find(([beginning]) => beginsWith(bytes, beginning));
  const encoding = mark?.[1] ?? 'utf-8';
  if (mark === undefined) requireText(file.name, bytes);
  const whole = bytes.length === file.size;
  const text = decode(new TextDecoder(encoding, { fatal: true }), bytes, { whole, from: 0, name: file.name });
  if (text.trim() === '' && whole) throw new FileProblem(`${file.name} holds no text; choose a file with at least one`);
  return { text, whole, format: formatOf(file.name, text), encoding, marked: mark !== undefined };
}

/** Decodes a stretch of a file; `from` is where in the file it begins. */
export function decode(
  decoder: TextDecoder,
  bytes: Uint8Array,
  { whole, from, name }: { whole: boolean; from: number; name: string },
): string {
  try {
    return decoder.decode(bytes, { stream: !whole });
  } catch {
    throw new FileProblem(
      `${name} is not written in UTF-8: between byte ${from + 1} and byte ${from + bytes.length} there is something ` +
        'else; save it anew as UTF-8 (in Excel “CSV UTF-8”, in an editor “Save with encoding”)',
    );
  }
}

/** What a promise of bytes gives, or that the file is gone. */
export async function readable<T>(file: File, bytes: Promise<T>): Promise<T> {
  try {
    return await bytes;
  } catch (cause) {
    throw new FileProblem(`${file.name} can no longer be read; it was changed or moved, so choose it again`, { cause });
  }
}

function requireText(name: string, bytes: Uint8Array): void {
  const other = OTHERS.find(([beginning]) => beginsWith(bytes, beginning));
  if (other !== undefined) throw new FileProblem(`${name} is ${other[1]}`);
  if (!bytes.includes(0)) return;
  throw new FileProblem(`${name} is no text file: it has bytes that no text has; save it as CSV, TSV, JSONL or TXT in UTF-8`);
}

function formatOf(name: string, text: string): Format {
  const ending = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  const format = FORMATS[ending];
  if (format !== undefined) return format;
  const start = text.trimStart();
  if (start.startsWith('[')) {
    throw new FileProblem(`${name} looks like one JSON array; write one object a line (JSONL) and choose that file`);
  }
  if (start.startsWith('{')) return 'jsonl';
  return /[,;\t]/.test(start.split('\n', 1)[0] ?? '') ? 'csv' : 'text';
}

function beginsWith(bytes: Uint8Array, beginning: number[]): boolean {
  return beginning.every((byte, at) => bytes[at] === byte);
}
