/** What deletion and insertion say of the order of the words, in figures and a sentence. No DOM here. */

import { quantile, type Curves } from 'stillglass/metrics';
import { decimal, percent } from '../format.ts';

/** The share of random orders that the band leaves out at each side. */
const OUT = 0.1;

/** What the chart draws, at each step. */
export interface Band {
  low: number[];
  high: number[];
}

/** Between which probabilities four of five random orders lie, at each step. */
export function band({ kept, random }: Curves): Band {
  const at = (step: number, share: number) => quantile(random.map(({ probabilities }) => probabilities[step] ?? 0), share);
  return { low: kept.map((_, step) => at(step, OUT)), high: kept.map((_, step) => at(step, 1 - OUT)) };
}

/** A curve's area; for random orders the middle one, and between which areas four of five lie. */
export function areas({ insertion, deletion, random }: Curves): { name: string; area: string }[] {
  const all = random.map(({ area }) => area);
  const [low, middle, high] = [OUT, 0.5, 1 - OUT].map((share) => decimal(quantile(all, share)));
  return [
    { name: 'Strongest words alone (insertion)', area: decimal(insertion.area) },
    { name: 'Random orders: the middle one, and four of five', area: `${middle} (${low} to ${high})` },
    { name: 'Strongest words gone (deletion)', area: decimal(deletion.area) },
  ];
}

/** What the curves say, with how often chance does as well. */
export function verdict({ label, insertion, deletion, random, kept }: Curves): string {
  const words = kept.at(-1) ?? 0;
  if (words < 2) return 'There are too few words here to have an order.';
  const above = random.filter(({ area }) => insertion.area > area).length;
  const below = random.filter(({ area }) => deletion.area < area).length;
  const of = (count: number) => (count === random.length ? `all ${count}` : `${count} of ${random.length}`);
  const finding = `The strongest words alone bring ${label} back sooner than ${of(above)} random orders, and without them it goes sooner than in ${of(below)}`;
  return `${finding}: ${judgement(above / random.length, below / random.length)}`;
}

function judgement(above: number, below: number): string {
  const [back, gone] = [above >= 1 - OUT, below >= 1 - OUT];
  if (back && gone) return 'the order says what the model goes by.';
  if (!back && !gone) return 'the order says little more than chance does.';
  return back ? 'the order says what suffices, but not what is missed.' : 'the order says what is missed, but not what suffices.';
}

/** Every step as a row: words left, then the probabilities in percent. */
export function points(curves: Curves): string[][] {
  const { low, high } = band(curves);
  const of = (probabilities: readonly number[], step: number) => percent(probabilities[step] ?? 0);
  return curves.kept.map((kept, step) => [
    String(kept),
    of(curves.insertion.probabilities, step),
    `${of(low, step)} to ${of(high, step)}`,
    of(curves.deletion.probabilities, step),
  ]);
}
