/** How far two explanations of one text agree. No DOM here. */

import type { Word } from 'stillglass';
import { tone, type Row } from './explain.ts';

/** How many of the strongest words are compared. */
const TOP = 3;

/** Two words are at odds when they differ by more than this share of full colour. */
const ODDS = 0.5;

/** How far two explanations agree on one class, over the words both have read. */
export interface Agreement {
  /** Of the two lists of contributions: 1 alike, 0 unrelated, −1 opposite; none if either is all zero. */
  cosine: number | undefined;
  /** How many strongest words of each were compared; fewer words than that leave nothing to compare. */
  k: number;
  /** How many of the one's strongest words are among the other's. */
  shared: number;
  /** The share that shuffled words would have in common, k ⁄ n. */
  chance: number;
}

/** Compares what two models make of one text for the class `label`. */
export function agreement(student: readonly Word[], teacher: readonly Word[], label: string): Agreement {
  const pairs = aligned(student, teacher);
  const ours = pairs.map(([word]) => word.weights[label] ?? 0);
  const theirs = pairs.map(([, word]) => word.weights[label] ?? 0);
  const k = Math.min(TOP, pairs.length);
  const [mine, other] = [strongest(ours, k), strongest(theirs, k)];
  return {
    cosine: cosine(ours, theirs),
    k,
    shared: [...mine].filter((index) => other.has(index)).length,
    chance: pairs.length === 0 ? 0 : k / pairs.length,
  };
}

/** Where the words begin that the two see differently: on opposite sides, or far apart. */
export function atOdds(student: readonly Word[], teacher: readonly Word[], label: string, full: number): Set<number> {
  const apart = aligned(student, teacher).filter(([word, other]) => {
    const [a, b] = [word.weights[label] ?? 0, other.weights[label] ?? 0];
    const sides = new Set([tone(a, full).side, tone(b, full).side]);
    return (sides.has('for') && sides.has('against')) || Math.abs(a - b) > ODDS * full;
  });
  return new Set(apart.map(([{ start }]) => start));
}

/** One table of both models' numbers: the student's columns, then the teacher's; gaps where one has none. */
export function besides(student: readonly Row[], teacher: readonly Row[], columns: number): Row[] {
  const gap = new Array<undefined>(columns).fill(undefined);
  const key = ({ kind, start }: Row) => `${kind} ${start}`;
  const theirs = new Map(teacher.map((row) => [key(row), row]));
  const ours = student.map((row): Row => ({ ...row, values: [...row.values, ...(theirs.get(key(row))?.values ?? gap)] }));
  const known = new Set(student.map(key));
  const rest = teacher.filter((row) => !known.has(key(row)));
  return [...ours, ...rest.map((row): Row => ({ ...row, values: [...gap, ...row.values] }))].sort(
    (a, b) => PLACE[a.kind] - PLACE[b.kind] || a.start - b.start,
  );
}

const PLACE: Record<Row['kind'], number> = { word: 0, boundary: 1, bias: 2, rest: 3, score: 4 };

/** The words that both have, in reading order: readers cut texts alike, but may stop at different places. */
function aligned(student: readonly Word[], teacher: readonly Word[]): [Word, Word][] {
  const theirs = new Map(teacher.map((word) => [word.start, word]));
  return student.flatMap((word): [Word, Word][] => {
    const other = theirs.get(word.start);
    return other?.end === word.end ? [[word, other]] : [];
  });
}

function cosine(a: readonly number[], b: readonly number[]): number | undefined {
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, at) => sum + value * (y[at] ?? 0), 0);
  const length = Math.sqrt(dot(a, a) * dot(b, b));
  return length > 0 ? dot(a, b) / length : undefined;
}

/** The places of the `k` largest magnitudes; the first of equals. */
function strongest(values: readonly number[], k: number): Set<number> {
  const order = values.map((value, at) => ({ strength: Math.abs(value), at })).sort((a, b) => b.strength - a.strength);
  return new Set(order.slice(0, k).map(({ at }) => at));
}
