/** Rows in portions for the readers. No DOM here. */

import { LONGEST_TEXT } from 'stillglass/client';
import { textOf } from './columns.ts';
import { MOST_ROWS, type Order, type Row } from './protocol.ts';
import { rowsOf } from './records.ts';
import { FileProblem } from './source.ts';

/** Rows that are read together. */
export interface Batch {
  rows: Row[];
  texts: string[];
  /** UTF-16 units of the texts. */
  units: number;
  /** Share of the file's bytes up to its end, 0 to 1. */
  share: number;
}

/** How large a batch may be: in rows, and in UTF-16 units of their texts. */
const LARGEST = { student: 256, teacher: 4, units: 256 * 1024 };

/** The first batch is small, so that progress shows at once. */
const FIRST = 16;

/** The rows of a file in batches. At {@link MOST_ROWS} it ends, and returns whether there were more. */
export async function* batchesOf({ file, layout, column, model }: Order): AsyncGenerator<Batch, boolean, void> {
  let batch = empty();
  let taken = 0;
  let before = 0;
  let more = false;
  let failure: { error: unknown } | undefined;
  const full = () => batch.rows.length >= (taken <= FIRST ? FIRST : LARGEST[model.kind]) || batch.units >= LARGEST.units;
  try {
    for await (const { rows, bytes } of rowsOf(file, layout)) {
      for (const [at, row] of rows.entries()) {
        more = taken === MOST_ROWS;
        if (more) break;
        add(batch, row, textOf(row, column), ++taken);
        batch.share = (before + ((bytes - before) * (at + 1)) / rows.length) / file.size;
        if (!full()) continue;
        yield batch;
        batch = empty();
      }
      if (more) break;
      before = bytes;
    }
  } catch (error) {
    // What stands before it has been read well.
    failure = { error };
  }
  if (batch.rows.length > 0) yield batch;
  if (failure !== undefined) throw failure.error;
  return more;
}

function empty(): Batch {
  return { rows: [], texts: [], units: 0, share: 0 };
}

function add(batch: Batch, row: Row, text: string, number: number): void {
  if (text.length > LONGEST_TEXT) {
    throw new FileProblem(`row ${number} is longer than ${LONGEST_TEXT.toLocaleString('en')} characters; cut it first`);
  }
  batch.rows.push(row);
  batch.texts.push(text);
  batch.units += text.length;
}
