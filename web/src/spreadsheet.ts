/** What spreadsheets make of text. */

/**
 * Beginnings that a spreadsheet takes for a formula, after OWASP's page on CSV injection: also those of
 * full width, and whatever follows, further lines included.
 */
export const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;
