/** A first look at a file, before anybody has said what to do with it. No DOM here. */

import Papa from 'papaparse';
import { LIKELY } from './columns.ts';
import type { Layout, Row, Sample } from './protocol.ts';
import { cutterOf } from './records.ts';
import { FileProblem, headOf, type Head } from './source.ts';

/** How many rows are looked at. */
const LOOKED_AT = 20;

const DELIMITERS = [',', ';', '\t', '|'];

/** A first look at a file: how it is written, and its first rows. */
export async function look(file: File): Promise<Sample> {
  const head = await headOf(file);
  const layout = layoutOf(head);
  const { rows, problem } = cutterOf(layout)(head.text, head.whole);
  if (rows.length === 0) throw problem ?? noRow(file.name, head);
  const looked = rows.slice(0, LOOKED_AT);
  return { layout: { ...layout, heading: layout.heading && headed(looked, rows.length > 1 || problem !== undefined) }, rows: looked };
}

function layoutOf({ text, format, encoding, marked }: Head): Layout {
  const plain = { format, encoding, marked, delimiter: ',', heading: false } as const;
  if (format !== 'csv' && format !== 'tsv') return plain;
  const { meta } = Papa.parse(text, { preview: LOOKED_AT, delimitersToGuess: DELIMITERS, skipEmptyLines: true });
  return { ...plain, delimiter: format === 'tsv' ? '\t' : meta.delimiter, heading: true };
}

/** Whether the first row looks like names: short, all there, none a number, and rows follow. */
function headed([first]: readonly Row[], more: boolean): boolean {
  if (!Array.isArray(first) || !more) return false;
  if (first.some((cell) => LIKELY.test(cell.trim()))) return true;
  return first.length > 1 && first.every((cell) => cell.trim() !== '' && cell.length <= 40 && Number.isNaN(Number(cell)));
}

function noRow(name: string, { whole }: Head): FileProblem {
  return new FileProblem(whole ? `${name} holds no row; choose a file with at least one text` : `the first row of ${name} is too long to be one`);
}
