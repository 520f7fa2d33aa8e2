/** One text's answer as the page shows it: by a student, and by its teacher if that has explained it too. */

import type { Classification, Reason, Word } from 'stillglass';
import type { Names, Placed } from '../texts.ts';

/** Classifies texts with one model, without explaining them. */
export type Ask = (texts: string[], signal: AbortSignal) => Promise<Classification[]>;

/** What one model makes of the text. */
export interface Reader {
  name: 'Student' | 'Teacher';
  result: Placed;
  /** Contributions centred over classes. */
  words: readonly Word[];
}

/** A text, the class whose words are shown, and one reader or two. */
export interface Answer {
  text: string;
  /** What the texts are called, if it is several. */
  names?: Names | undefined;
  /** The class chosen: the student's, if the reader has picked none. */
  label: string;
  labels: readonly string[];
  student: Reader;
  teacher?: Reader | undefined;
  /** What the student says its reason is, once it has said it. */
  reason?: Reason | undefined;
  /** The contribution that full colour stands for, one for both. */
  full: number;
  /** Where the words begin on which the two are at odds. */
  atOdds: ReadonlySet<number>;
}

/** Whoever has read the text, the student first. */
export function readers({ student, teacher }: Answer): Reader[] {
  return teacher === undefined ? [student] : [student, teacher];
}
