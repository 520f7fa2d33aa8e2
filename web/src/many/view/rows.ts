/** Every text of the file with its label: sorted, and drawn as far as it is in sight. */

import { byId, make, within } from '../../dom.ts';
import { count, percent, title } from '../../format.ts';
import type { Line, SortKey } from '../protocol.ts';
import { speak } from './progress.ts';
import { TableWindow } from './window.ts';

/** Heights that `many.css` gives to rows and head, in CSS pixels. */
const HEIGHT = { row: 44, head: 44 };

/** How many rows are remembered, so that scrolling back needs no asking. */
const REMEMBERED = 1000;

const COLUMNS: { key?: SortKey; name: string; class: string }[] = [
  { key: 'row', name: 'Row', class: 'row-number' },
  { key: 'label', name: 'Label', class: 'row-label' },
  { key: 'score', name: 'Score', class: 'row-score' },
  { name: 'Text', class: 'row-text' },
  { name: 'Words for it', class: 'row-words' },
];

const SPOKEN = { row: 'row', label: 'label', score: 'score' };

/** Where rows come from, and what can be done with them. */
export interface Shelf {
  lines: (from: number, to: number) => Promise<Line[]>;
  sort: (by: SortKey, descending: boolean) => Promise<void>;
  open: (row: number) => void;
  /** Hears that rows could not be brought or sorted. */
  failed: (error: unknown) => void;
}

/** The table of all texts. */
export class Rows {
  readonly #shelf: Shelf;
  readonly #table = byId<HTMLTableElement>('rows');
  readonly #window: TableWindow;
  #lines = new Map<number, Line>();
  #sorted: { by: SortKey; descending: boolean } = { by: 'row', descending: false };
  #count = 0;
  #asked = 0;

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
    within(this.#table, 'thead tr').replaceChildren(...COLUMNS.map((column) => this.#head(column)));
    this.#window = new TableWindow({
      scroller: byId('rows-scroller'),
      body: within(this.#table, 'tbody'),
      height: HEIGHT.row,
      head: HEIGHT.head,
      row: (place) => this.#row(place),
      drawn: (from, to) => void this.#bring(from, to).catch(shelf.failed),
    });
  }

  /** Shows so many rows, in the order of the file. */
  show(rows: number): void {
    this.#count = rows;
    this.#sorted = { by: 'row', descending: false };
    this.#table.setAttribute('aria-rowcount', String(rows + 1));
    this.#anew();
  }

  #anew(): void {
    this.#lines = new Map();
    this.#asked++;
    for (const head of this.#table.querySelectorAll<HTMLElement>('th[data-key]')) {
      const mine = head.dataset['key'] === this.#sorted.by;
      if (mine) head.setAttribute('aria-sort', this.#sorted.descending ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    }
    this.#window.show(this.#count);
  }

  #head({ key, name, class: kind }: (typeof COLUMNS)[number]): HTMLElement {
    if (key === undefined) return make('th', { scope: 'col', class: kind }, name);
    const button = make('button', { type: 'button', class: 'sort' }, name);
    button.addEventListener('click', () => void this.#sort(key).catch(this.#shelf.failed));
    return make('th', { scope: 'col', class: kind, 'data-key': key }, button);
  }

  async #sort(by: SortKey): Promise<void> {
    // What is sought first: the surest, the first label, the first row.
    const first = by === 'score';
    const descending = this.#sorted.by === by ? !this.#sorted.descending : first;
    this.#sorted = { by, descending };
    await this.#shelf.sort(by, descending);
    this.#anew();
    speak(`Sorted by ${SPOKEN[by]}, ${descending ? 'last or highest first' : 'first or lowest first'}.`);
  }

  #row(place: number): HTMLElement {
    const button = make('button', { type: 'button', class: 'open', dir: 'auto' });
    const cells = COLUMNS.map(({ class: kind }, at) => make(at === 0 ? 'th' : 'td', at === 0 ? { scope: 'row', class: kind } : { class: kind }));
    cells[3]?.append(button);
    const row = make('tr', {}, ...cells);
    button.addEventListener('click', () => {
      const line = this.#lines.get(place);
      if (line !== undefined) this.#shelf.open(line.row);
    });
    const line = this.#lines.get(place);
    if (line !== undefined) fill(row, line);
    return row;
  }

  /** Asks for the rows from one place up to another, unless they are here. */
  async #bring(from: number, to: number): Promise<void> {
    const places = Array.from({ length: to - from }, (_, at) => from + at).filter((place) => !this.#lines.has(place));
    const [first] = places;
    const last = places.at(-1);
    if (first === undefined || last === undefined) return;
    const asked = this.#asked;
    const lines = await this.#shelf.lines(first, last + 1);
    // Of an order that no longer is.
    if (asked !== this.#asked) return;
    if (this.#lines.size > REMEMBERED) this.#lines = new Map();
    lines.forEach((line, at) => {
      this.#lines.set(first + at, line);
      const row = this.#window.rows.get(first + at);
      if (row !== undefined) fill(row, line);
    });
  }
}

function fill(row: HTMLElement, line: Line): void {
  const button = within(row, 'button');
  const text = line.text.replace(/\s+/g, ' ').trim();
  button.textContent = text === '' ? 'No text' : text;
  const [number, label, score, , words] = row.children;
  number?.replaceChildren(count(line.row + 1));
  label?.replaceChildren(make('bdi', {}, line.label === '' ? '–' : title(line.label)));
  score?.replaceChildren(line.label === '' ? '–' : percent(line.score));
  words?.replaceChildren(...line.for.flatMap((word, at) => [at > 0 ? ' ' : '', make('bdi', { class: 'word-for' }, word)]));
}
