/** Choosing a file and its column of texts. */

import { byId, make, within } from '../../dom.ts';
import type { Entry } from '../../entry.ts';
import type { Names } from '../../texts.ts';
import { cellOf, columnsOf, likely, likelyPair } from '../columns.ts';
import type { Column, Sample, TextColumn } from '../protocol.ts';

/** How many rows the preview shows, and how much of each cell. */
const PREVIEW = { rows: 5, units: 120 };

const form = byId<HTMLFormElement>('columns');
const select = byId<HTMLSelectElement>('column');
const second = byId<HTMLSelectElement>('second-column');
const start = byId<HTMLButtonElement>('start');
const heading = byId<HTMLInputElement>('heading');
const table = within<HTMLTableElement>(form, 'table');

/** What the reader chose. */
export interface Choice {
  /** Names of all columns. */
  columns: string[];
  /** Which one holds the texts, or which two. */
  column: TextColumn;
  sample: Sample;
}

let current: Sample | undefined;
/** What the model calls the two texts of a pair; none if it reads single ones. */
let names: Names | undefined;

/** Hears what the reader chose, once it is to be read. */
export function onStart(begin: (choice: Choice) => void): void {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (current === undefined) return;
    const columns = columnsOf(current);
    const cells = Array.isArray(current.rows[0]);
    const [first = 0, other = 0] = chosen().map((at): Column => (cells ? at : (columns[at] ?? '')));
    begin({ columns, column: names === undefined ? first : [first, other], sample: current });
  });
  for (const one of [select, second]) one.addEventListener('change', showPreview);
  heading.addEventListener('change', () => {
    if (current === undefined) return;
    const before = chosen();
    current = { ...current, layout: { ...current.layout, heading: heading.checked } };
    offerColumns(current, before);
  });
}

/** Offers a file's columns. */
export function offerFile(name: string, sample: Sample): void {
  current = sample;
  byId('file-name').textContent = name;
  const { format } = sample.layout;
  byId('heading-choice').hidden = format !== 'csv' && format !== 'tsv';
  heading.checked = sample.layout.heading;
  offerColumns(sample, likelyOf(sample));
  form.hidden = false;
  select.focus();
}

/** Takes the offer away. */
export function withdraw(): void {
  current = undefined;
  form.hidden = true;
}

/** Says which model will read. */
export function nameModel({ name, texts }: Entry): void {
  start.textContent = `Read it with the ${name} model`;
  const others = texts?.length !== names?.length;
  names = texts;
  byId('column-name').textContent = names === undefined ? 'Column with the texts' : `Column of “${names[0]}”`;
  byId('second-column-name').textContent = names === undefined ? '' : `Column of “${names[1]}”`;
  for (const element of [byId('second-column-name'), second]) element.hidden = names === undefined;
  if (current !== undefined && others) offerColumns(current, likelyOf(current));
}

/** The columns that are chosen: one, or two for pairs. */
function chosen(): number[] {
  return names === undefined ? [select.selectedIndex] : [select.selectedIndex, second.selectedIndex];
}

function likelyOf(sample: Sample): number[] {
  return names === undefined ? [likely(sample)] : likelyPair(sample);
}

function offerColumns(sample: Sample, [first = 0, other = 0]: number[]): void {
  for (const one of [select, second]) one.replaceChildren(...columnsOf(sample).map((name) => make('option', {}, name)));
  select.selectedIndex = first;
  second.selectedIndex = other;
  showPreview();
}

function showPreview(): void {
  if (current === undefined) return;
  const { rows, layout } = current;
  const columns = columnsOf(current);
  const marked = (at: number): Record<string, string> => (chosen().includes(at) ? { class: 'chosen' } : {});
  const alike = names !== undefined && select.selectedIndex === second.selectedIndex;
  byId('column-note').textContent = !alike ? '' : columns.length > 1 ? 'Choose two columns: this model reads pairs of texts.' : 'This model reads pairs of texts, and the file has one column. Choose a file with a column for each text.';
  start.disabled = alike;
  const shown = (layout.heading ? rows.slice(1) : rows).slice(0, PREVIEW.rows);
  const cell = (row: Sample['rows'][number], name: string, at: number) => cellOf(row, Array.isArray(row) ? at : name);
  within(table, 'thead').replaceChildren(
    make('tr', {}, ...columns.map((name, at) => make('th', { scope: 'col', dir: 'auto', ...marked(at) }, name))),
  );
  within(table, 'tbody').replaceChildren(
    ...shown.map((row) => make('tr', {}, ...columns.map((name, at) => make('td', { dir: 'auto', ...marked(at) }, shortened(cell(row, name, at)))))),
  );
}

function shortened(text: string): string {
  return text.length > PREVIEW.units ? `${text.slice(0, PREVIEW.units)}…` : text;
}
