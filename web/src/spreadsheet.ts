/** Tables as CSV, and what spreadsheets make of text. */

import Papa from 'papaparse';

/**
 * Beginnings that a spreadsheet takes for a formula, after OWASP's page on CSV injection: also those of
 * full width, and whatever follows, further lines included.
 */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

/** Rows of cells as CSV (RFC 4180); text that a spreadsheet would take for a formula begins with an apostrophe. */
export function csv(rows: readonly (readonly unknown[])[]): string {
  return `${Papa.unparse(rows as unknown[][], { escapeFormulae: FORMULA, newline: '\r\n' })}\r\n`;
}

/** Six decimals: a 32-bit float has no more to say. */
export function rounded(score: number): number {
  return Number(score.toFixed(6));
}
