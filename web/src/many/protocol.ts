/** What page, desk and readers tell each other about a file of many texts: plain data. */

/** The most rows of a file that are read. */
export const MOST_ROWS = 100_000;

/** How a file is written down. */
export type Format = 'csv' | 'tsv' | 'jsonl' | 'text';

/** How its bytes are characters. */
export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** How to read a file, as found from its name and its first bytes. */
export interface Layout {
  format: Format;
  encoding: Encoding;
  /** Whether it begins with a byte order mark, as Excel writes it. */
  marked: boolean;
  /** Between cells and between rows; only for CSV and TSV. */
  delimiter: string;
  /** Whether the first row holds the names of the columns; only for CSV and TSV. */
  heading: boolean;
}

/** One row: its cells in order, or the object of a line of JSON. */
export type Row = string[] | Record<string, unknown>;

/** A first look at a file. */
export interface Sample {
  layout: Layout;
  /** The first rows, the one with the names of the columns included. */
  rows: Row[];
}

/** A model for the readers to open. */
export interface Opening {
  /** The same for the same model, so that it is opened once. */
  id: string;
  labels: string[];
  kind: 'student' | 'teacher';
  /** Whether it reads pairs. */
  pairs: boolean;
  runtime: WebAssembly.Module;
  // A blob: the browser may keep it out of memory, and sending it copies nothing.
  bundle: Blob;
}

/** Where a cell is: its column's number among cells, or its name in objects. */
export type Column = number | string;

/** The column with the texts; of pairs, those with the first and with the second. */
export type TextColumn = Column | readonly [Column, Column];

/** What to read. */
export interface Order {
  file: File;
  layout: Layout;
  column: TextColumn;
  model: Opening;
}

/** What a reader makes of a batch of texts. */
export interface Answers {
  /** The label's place among the model's, or {@link NO_LABEL}. */
  labels: Uint16Array<ArrayBuffer>;
  /** Probability of each class: a row of them for each text. */
  scores: Float32Array<ArrayBuffer>;
  /** The words that spoke most for and against the label, strongest first. */
  words: { for: string[]; against: string[] }[];
  /** Texts too long to be read whole. */
  cut: number;
  tally: TallyPart;
}

/** The label of a row that holds no text. */
export const NO_LABEL = 0xffff;

/** The words of a batch, each once. */
export interface TallyPart {
  words: string[];
  /** How often each was seen. */
  counts: Uint32Array<ArrayBuffer>;
  /** What each gave to every class in all: a row of classes for each word. */
  sums: Float64Array<ArrayBuffer>;
}

/** How far reading is. */
export interface Progress {
  rows: number;
  /** Share of the file's bytes, 0 to 1. */
  share: number;
  perSecond: number;
  /** Rows of each label. */
  counts: number[];
}

/** A word over the whole file. */
export interface Driver {
  word: string;
  count: number;
  /** What it gave to the class in all, in logits over the mean of classes. */
  total: number;
}

/** What has been read, once reading has ended. */
export interface Summary {
  labels: string[];
  rows: number;
  counts: number[];
  /** Rows without a text. */
  empty: number;
  /** Texts too long to be read whole. */
  cut: number;
  seconds: number;
  /** Whether the file has more rows than are read. */
  more: boolean;
  cancelled: boolean;
  /** Why reading stopped before the end. */
  problem?: string;
  /** For each class the words that gave it most; none where the model does not explain at once. */
  drivers: Driver[][] | undefined;
  /** Whether rare words had to be forgotten on the way. */
  forgot: boolean;
}

/** What the table may be sorted by. */
export type SortKey = 'row' | 'label' | 'score';

/** A row of the table. */
export interface Line {
  /** Its place in the file, from 0. */
  row: number;
  label: string;
  score: number;
  /** The beginning of the text. */
  text: string;
  for: string[];
}
