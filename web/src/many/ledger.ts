/** What has been read: labels and scores in memory, the rows themselves in blobs. No DOM here. */

import { shownOf, textOf } from './columns.ts';
import { NO_LABEL, type Answers, type Line, type Row, type SortKey, type TextColumn } from './protocol.ts';

/** How much of a text the table gets. */
const SHOWN = 300;

/** How many batches are kept unpacked for the table. */
const UNPACKED = 24;

/** A row as it is kept: what the file says, and the words that spoke for and against its label. */
export interface Entry {
  row: Row;
  for: string[];
  against: string[];
}

/** A row with what the model makes of it. */
export interface Judged extends Entry {
  /** None for a row without a text. */
  label: string | undefined;
  scores: number[];
}

interface Batch {
  first: number;
  rows: number;
  /** Entries as JSON: the browser may keep them out of memory. */
  entries: Blob;
}

/** Rows in the order of the file; columns of figures grow as they come. */
export class Ledger {
  readonly labels: readonly string[];
  readonly counts: number[];
  /** Rows without a text. */
  empty = 0;
  rows = 0;
  readonly #column: TextColumn;
  readonly #batches: Batch[] = [];
  readonly #unpacked = new Map<Batch, Entry[]>();
  readonly #label: Uint16Array;
  readonly #scores: Float32Array;
  #order: Uint32Array | undefined;

  /** `most` is how many rows there can be. */
  constructor(labels: readonly string[], column: TextColumn, most: number) {
    this.labels = labels;
    this.counts = labels.map(() => 0);
    this.#column = column;
    this.#label = new Uint16Array(most);
    this.#scores = new Float32Array(most * labels.length);
  }

  /** Takes in the next rows. */
  add(rows: readonly Row[], answers: Answers): void {
    const entries = rows.map((row, at): Entry => ({ row, ...(answers.words[at] ?? { for: [], against: [] }) }));
    this.#batches.push({ first: this.rows, rows: rows.length, entries: new Blob([JSON.stringify(entries)]) });
    this.#label.set(answers.labels, this.rows);
    this.#scores.set(answers.scores, this.rows * this.labels.length);
    for (const label of answers.labels) {
      if (label === NO_LABEL) this.empty++;
      else this.counts[label] = (this.counts[label] ?? 0) + 1;
    }
    this.rows += rows.length;
    this.#order = undefined;
  }

  /** Puts the table's rows in order; rows that are alike keep the file's. Rows without a text come last. */
  sort(by: SortKey, descending: boolean): void {
    const value = this.#sortValue(by);
    const sign = descending ? -1 : 1;
    this.#order = Uint32Array.from({ length: this.rows }, (_, row) => row).sort((one, other) => {
      const missing = Number(this.#label[one] === NO_LABEL) - Number(this.#label[other] === NO_LABEL);
      return (by === 'row' ? 0 : missing) || sign * (value(one) - value(other)) || one - other;
    });
  }

  /** The table's rows from one place up to another. */
  async lines(from: number, to: number): Promise<Line[]> {
    const places = Array.from({ length: Math.max(0, Math.min(to, this.rows) - from) }, (_, at) => from + at);
    return Promise.all(places.map((place) => this.#line(this.#rowAt(place))));
  }

  /** The whole text of a row of the file. */
  async text(row: number): Promise<string> {
    return textOf((await this.#entry(row)).row, this.#column);
  }

  /** Everything in the order of the file, batch by batch. */
  async *judged(): AsyncGenerator<Judged[], void, void> {
    for (const batch of this.#batches) {
      const entries = await unpack(batch);
      yield entries.map((entry, at) => ({ ...entry, ...this.#verdict(batch.first + at) }));
    }
  }

  async #line(row: number): Promise<Line> {
    const entry = await this.#entry(row);
    const { label, scores } = this.#verdict(row);
    const score = scores[this.#label[row] ?? NO_LABEL] ?? 0;
    return { row, label: label ?? '', score, text: shownOf(entry.row, this.#column).slice(0, SHOWN), for: entry.for };
  }

  #verdict(row: number): { label: string | undefined; scores: number[] } {
    const classes = this.labels.length;
    const scores = [...this.#scores.subarray(row * classes, (row + 1) * classes)];
    return { label: this.labels[this.#label[row] ?? NO_LABEL], scores };
  }

  #rowAt(place: number): number {
    return this.#order?.[place] ?? place;
  }

  #sortValue(by: SortKey): (row: number) => number {
    const classes = this.labels.length;
    const label = (row: number) => this.#label[row] ?? NO_LABEL;
    if (by === 'row') return (row) => row;
    if (by === 'label') return label;
    return (row) => this.#scores[row * classes + label(row)] ?? 0;
  }

  async #entry(row: number): Promise<Entry> {
    const batch = this.#batches.findLast(({ first }) => first <= row);
    if (batch === undefined) throw new Error(`row ${row + 1} has not been read`);
    const entries = this.#unpacked.get(batch) ?? (await unpack(batch));
    // The newest go last, and the oldest first.
    this.#unpacked.delete(batch);
    this.#unpacked.set(batch, entries);
    const [oldest] = this.#unpacked.keys();
    if (this.#unpacked.size > UNPACKED && oldest !== undefined) this.#unpacked.delete(oldest);
    const entry = entries[row - batch.first];
    if (entry === undefined) throw new Error(`row ${row + 1} has not been read`);
    return entry;
  }
}

async function unpack({ entries }: Batch): Promise<Entry[]> {
  return JSON.parse(await entries.text()) as Entry[];
}
