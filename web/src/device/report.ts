/** What was measured as a table, and that table as text. No DOM here. */

import { bytes, duration } from '../format.ts';
import { csv } from '../spreadsheet.ts';
import type { Outcome } from './measure.ts';

/** A model that was measured. */
export interface Measured {
  name: string;
  /** WebAssembly memory once it was open, in bytes. */
  memory: number;
  outcomes: Outcome[];
}

/** Names of the table's columns. */
export const COLUMNS = ['Model', 'Texts', 'On', 'Median', '95th percentile', 'Calls', 'Memory'];

/** A row's cells, by {@link COLUMNS}. A case without times has its reason in place of the first. */
export function cellsOf({ name, memory }: Measured, outcome: Outcome): string[] {
  const head = [name, String(outcome.texts), outcome.backend.toUpperCase()];
  if ('reason' in outcome) return [...head, outcome.reason, '', '', bytes(memory)];
  return [...head, duration(outcome.median), duration(outcome.late), String(outcome.runs), bytes(memory)];
}

/** The table and what is known of the device, a line for each, cells set apart by tabs. */
export function asText(measured: readonly Measured[], facts: readonly [string, string][]): string {
  const plain = (cell: string) => cell.replace(/[\t\r\n]+/g, ' ');
  const rows = [COLUMNS, ...measured.flatMap((model) => model.outcomes.map((outcome) => cellsOf(model, outcome)))];
  return [...rows, ...facts].map((cells) => `${cells.map(plain).join('\t')}\n`).join('');
}

/** The same as CSV (RFC 4180), in milliseconds and bytes; what looks like a formula begins with an apostrophe. */
export function asCsv(measured: readonly Measured[], facts: readonly [string, string][]): string {
  const head = ['model', 'texts', 'on', 'median ms', '95th percentile ms', 'calls', 'memory bytes', 'not measured because'];
  const rows = measured.flatMap(({ name, memory, outcomes }) =>
    outcomes.map((outcome) => {
      const times = 'reason' in outcome ? ['', '', ''] : [outcome.median.toFixed(3), outcome.late.toFixed(3), String(outcome.runs)];
      return [name, String(outcome.texts), outcome.backend, ...times, String(memory), 'reason' in outcome ? outcome.reason : ''];
    }),
  );
  return csv([head, ...rows, ...facts]);
}
