/**
 * The desk: the worker between page and readers. It reads the file as a stream, hands batches out, takes
 * the answers in by the file's order, and keeps what table and downloads need, so that the page only draws.
 */

import '../trusted.ts';
import { expose, releaseProxy, type ProxyMethods } from 'comlink';
import { messageOf } from '../format.ts';
import { batchesOf, type Batch } from './batches.ts';
import { distinct } from './columns.ts';
import { csvHead, csvRows, jsonRows, type FileKind, type Heading } from './export.ts';
import { Ledger } from './ledger.ts';
import { look } from './look.ts';
import { Pool } from './pool.ts';
import { MOST_ROWS, type Answers, type Line, type Order, type Progress, type Row, type Sample, type SortKey, type Summary } from './protocol.ts';
import { FileProblem } from './source.ts';
import { Tally } from './tally.ts';

/** How many words of each class are told. */
const DRIVERS = 15;

/** Batches that each reader is given at once, so that it never waits for the next. */
const AHEAD = 2;

/** How often progress is told at most, in milliseconds. */
const TELL = 250;

/** Hears how far reading is; on the page, and then let go when reading has ended. */
export type Tell = ((progress: Progress) => void) & Partial<ProxyMethods>;

/** What the page asks of the desk. */
export class Desk {
  readonly #pool = new Pool();
  #ledger: Ledger | undefined;
  #columns: string[] = [];
  #marked = false;
  #cancelled = false;

  /** Resolves once desk and readers are here, those that did not come before called again: from then on no network is needed. */
  ready(): Promise<void> {
    return this.#pool.ready();
  }

  /** Looks at the beginning of a file. */
  look(file: File): Promise<Sample> {
    return look(file);
  }

  /** Reads a file to its end, or until it is cancelled or cannot go on; what was read by then stays. */
  async read(order: Order, columns: string[], tell: Tell): Promise<Summary> {
    this.#cancelled = false;
    try {
      return await this.#read(order, columns, tell);
    } finally {
      tell[releaseProxy]?.();
    }
  }

  async #read(order: Order, columns: string[], tell: Tell): Promise<Summary> {
    const { labels, kind } = order.model;
    this.#columns = columns;
    this.#marked = order.layout.marked;
    await this.#pool.open(order.model);
    const ledger = (this.#ledger = new Ledger(labels, order.column, MOST_ROWS));
    const tally = new Tally(labels);
    const from = performance.now();
    const seconds = () => (performance.now() - from) / 1000;
    let cut = 0;
    let told = 0;
    const take = (batch: Batch, answers: Answers) => {
      ledger.add(batch.rows, answers);
      tally.add(answers.tally);
      this.#widen(batch.rows);
      cut += answers.cut;
      if (performance.now() - told < TELL) return;
      told = performance.now();
      tell({ rows: ledger.rows, share: batch.share, perSecond: ledger.rows / seconds(), counts: [...ledger.counts] });
    };
    const { more, problem } = await this.#work(order, take);
    return {
      labels,
      rows: ledger.rows,
      counts: [...ledger.counts],
      empty: ledger.empty,
      cut,
      seconds: seconds(),
      more,
      cancelled: this.#cancelled,
      ...(problem !== undefined && { problem }),
      drivers: kind === 'student' ? tally.drivers(DRIVERS) : undefined,
      forgot: tally.forgot,
    };
  }

  /** Ends the reading under way, once the batches that are out have come back. */
  cancel(): void {
    this.#cancelled = true;
  }

  /** Puts the table in order. */
  sort(by: SortKey, descending: boolean): void {
    this.#ledger?.sort(by, descending);
  }

  /** Rows of the table. */
  async lines(from: number, to: number): Promise<Line[]> {
    return (await this.#ledger?.lines(from, to)) ?? [];
  }

  /** The whole text of a row. */
  async text(row: number): Promise<string> {
    return (await this.#ledger?.text(row)) ?? '';
  }

  /** All that was read, as a file. */
  async download(kind: FileKind): Promise<Blob> {
    const heading: Heading = { columns: this.#columns, labels: this.#ledger?.labels ?? [] };
    // A spreadsheet that wrote a byte order mark wants one again.
    const parts = kind === 'csv' ? [new Blob([this.#marked ? '\ufeff' : '', csvHead(heading)])] : [];
    for await (const rows of this.#ledger?.judged() ?? []) {
      parts.push(new Blob([kind === 'csv' ? csvRows(rows, heading) : jsonRows(rows, heading)]));
    }
    return new Blob(parts, { type: kind === 'csv' ? 'text/csv' : 'application/jsonl' });
  }

  /** Hands batches out and takes the answers in, in order. */
  async #work(order: Order, take: (batch: Batch, answers: Answers) => void): Promise<{ more: boolean; problem?: string }> {
    const out: { batch: Batch; answers: Promise<Answers> }[] = [];
    const takeNext = async () => {
      const next = out.shift();
      if (next !== undefined) take(next.batch, await next.answers);
    };
    let more = false;
    let problem: FileProblem | undefined;
    const batches = batchesOf(order);
    try {
      while (!this.#cancelled) {
        const { value, done } = await batches.next();
        if (done) {
          more = value;
          break;
        }
        const answers = this.#pool.read(value.texts);
        // Told when its turn comes, which may be never.
        answers.catch(() => undefined);
        out.push({ batch: value, answers });
        if (out.length >= this.#pool.size * AHEAD) await takeNext();
      }
    } catch (error) {
      if (!(error instanceof FileProblem)) return { more, problem: messageOf(error) };
      problem = error;
    } finally {
      // Whoever cancels wants no more of the file.
      await batches.return(more);
    }
    try {
      while (out.length > 0) await takeNext();
    } catch (error) {
      return { more, problem: messageOf(error) };
    }
    return { more, ...(problem !== undefined && { problem: problem.message }) };
  }

  /** Some rows have more cells, or other keys, than the first ones. */
  #widen(rows: readonly Row[]): void {
    const known = new Set(this.#columns);
    for (const row of rows) {
      if (Array.isArray(row)) {
        if (row.length > this.#columns.length) this.#columns = distinct(Array.from(row, (_, at) => this.#columns[at] ?? ''));
      } else for (const key of Object.keys(row)) known.add(key);
    }
    if (!Array.isArray(rows[0])) this.#columns = [...known];
  }
}

expose(new Desk());
