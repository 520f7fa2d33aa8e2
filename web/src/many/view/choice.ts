/** Choosing a file and its column of texts. */

import { byId, make, within } from '../../dom.ts';
import { cellOf, columnsOf, likely } from '../columns.ts';
import type { Sample } from '../protocol.ts';

/** How many rows the preview shows, and how much of each cell. */
const PREVIEW = { rows: 5, units: 120 };

const form = byId<HTMLFormElement>('columns');
const select = byId<HTMLSelectElement>('column');
const heading = byId<HTMLInputElement>('heading');
const table = within<HTMLTableElement>(form, 'table');

/** What the reader chose. */
export interface Choice {
  /** Names of all columns. */
  columns: string[];
  /** Which one holds the texts. */
  column: number | string;
  sample: Sample;
}

let current: Sample | undefined;

/** Hears what the reader chose, once it is to be read. */
export function onStart(start: (choice: Choice) => void): void {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (current === undefined) return;
    const columns = columnsOf(current);
    const at = select.selectedIndex;
    start({ columns, column: Array.isArray(current.rows[0]) ? at : (columns[at] ?? ''), sample: current });
  });
  select.addEventListener('change', showPreview);
  heading.addEventListener('change', () => {
    if (current === undefined) return;
    const at = select.selectedIndex;
    current = { ...current, layout: { ...current.layout, heading: heading.checked } };
    offerColumns(current, at);
  });
}

/** Offers a file's columns. */
export function offerFile(name: string, sample: Sample): void {
  current = sample;
  byId('file-name').textContent = name;
  const { format } = sample.layout;
  byId('heading-choice').hidden = format !== 'csv' && format !== 'tsv';
  heading.checked = sample.layout.heading;
  offerColumns(sample, likely(sample));
  form.hidden = false;
  select.focus();
}

/** Takes the offer away. */
export function withdraw(): void {
  current = undefined;
  form.hidden = true;
}

/** Says which model will read. */
export function nameModel(name: string): void {
  byId('start').textContent = `Read it with the ${name} model`;
}

function offerColumns(sample: Sample, chosen: number): void {
  select.replaceChildren(...columnsOf(sample).map((name) => make('option', {}, name)));
  select.selectedIndex = chosen;
  showPreview();
}

function showPreview(): void {
  if (current === undefined) return;
  const { rows, layout } = current;
  const columns = columnsOf(current);
  const marked = (at: number): Record<string, string> => (at === select.selectedIndex ? { class: 'chosen' } : {});
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
