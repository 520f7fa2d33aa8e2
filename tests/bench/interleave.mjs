/** Measures systems side by side: one timed call of each in turn, again and again, so that what disturbs one disturbs all. */

import { median, quantile } from './statistics.mjs';

/** What probabilities of two systems may differ by. */
const PROBABILITY = 0.02;
/** Milliseconds of calls before anything is timed: an engine compiles what is hot again. */
const WARMING = 400;
/** Milliseconds a timed call of short ones lasts at least, by repeating it: then the clock's 5 µs are nothing. */
const FLOOR = 4;
/** Milliseconds of a call from which on it is timed a tenth as often: it takes long enough to be told from noise. */
const LONG = 300;
/** Timed calls of those at least. */
const LEAST = 5;

/**
 * Times entries and holds their answers against a reference's, by default the first entry's.
 *
 * `entries` are `{ system, time, answers, most, note }`: `time(calls)` gives milliseconds a call;
 * `reference` names the entry whose answers one's are to be.
 */
export async function interleaved(entries, { samples, floor = FLOOR, reference = () => entries[0] }) {
  const timed = [];
  for (const entry of entries) {
    refuseAlike(reference(entry));
    const ms = await warmed(entry.time);
    const most = Math.min(entry.most ?? samples, ms > LONG ? Math.max(LEAST, Math.ceil(samples / 10)) : samples, samples);
    timed.push({ ...entry, repeats: Math.max(1, Math.ceil(floor / ms)), most, times: [] });
  }
  for (let sample = 0; sample < samples; sample++) {
    for (const entry of timed) if (sample < entry.most) entry.times.push(await entry.time(entry.repeats));
  }
  return timed.map(({ system, note, repeats, times, answers }, at) => ({
    system,
    note,
    ms: median(times),
    least: Math.min(...times),
    p95: quantile(times, 0.95),
    calls: times.length,
    repeats,
    ...compared(answers, reference(entries[at]).answers),
  }));
}

/** Refuses a reference that answers all texts alike: whoever does so as well would agree with it. */
function refuseAlike({ system, answers = [] }) {
  if (answers.length < 2) return;
  const spread = (label) => Math.max(...answers.map((of) => of[label])) - Math.min(...answers.map((of) => of[label]));
  if (Math.max(...answers[0].map((_, label) => spread(label))) <= 2 * PROBABILITY) throw new Error(`${system}: its answers hardly differ from text to text, so that agreeing with them says nothing`);
}

/** Warms a call up; how long it takes then. */
async function warmed(time) {
  const first = await time(1);
  let took = first;
  for (let spent = first, calls = 1; spent < WARMING; calls *= 2) {
    took = await time(calls);
    spent += took * calls;
  }
  return took;
}

/** How far answers are from the reference's, and whether they agree; nothing where there is nothing to compare. */
export function compared(answers, reference) {
  if (answers === undefined || reference === undefined) return {};
  let difference = 0;
  let other = 0;
  answers.forEach((probabilities, text) => {
    const wanted = reference[text];
    probabilities.forEach((probability, label) => (difference = Math.max(difference, Math.abs(probability - wanted[label]))));
    if (!sameLabel(probabilities, wanted)) other += 1;
  });
  // NaN agrees with nothing.
  return { difference, otherLabels: other, void: answers.length === 0 || !(difference <= PROBABILITY) || other > 0 };
}

/** Whether the most probable label is the same, or both are drawn within what probabilities may differ by. */
function sameLabel(found, wanted) {
  const best = (probabilities) => probabilities.indexOf(Math.max(...probabilities));
  const [a, b] = [best(found), best(wanted)];
  return a === b || Math.max(found[a] - found[b], wanted[b] - wanted[a]) <= PROBABILITY;
}
