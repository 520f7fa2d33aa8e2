/** Times a model takes on this device: one short text and many at once, on the CPU and on the GPU. No DOM here. */

import type { Answer, AskOptions, ModelInfo, Text } from 'stillglass/client';
import { quantile } from 'stillglass/metrics';

/** How many texts a call holds. */
export const SIZES = [1, 32] as const;
const BACKENDS = ['cpu', 'gpu'] as const;

/** A case is measured so many times, fewer if that took longer than `ms` milliseconds. */
const RUNS = { least: 5, most: 40, ms: 1_500 };
/** Calls before it counts: the first ones set up pipelines and caches. */
const WARM_UP = 2;

/** Words of the texts: 12 in each, and no two texts alike, so that nothing answers from memory. */
const WORDS = ['orders', 'grew', 'while', 'costs', 'stayed', 'level', 'and', 'the', 'board', 'expects', 'a', 'quiet', 'year'];

/** What can be asked: an open classifier, or what stands in for one. */
export interface Subject {
  info: Pick<ModelInfo, 'pairs'>;
  classifyAll: (texts: Text[], options: AskOptions) => Promise<Answer[]>;
}

/** What a case is about. */
export interface Case {
  texts: (typeof SIZES)[number];
  backend: (typeof BACKENDS)[number];
}

/** Milliseconds of a call, or why there are none. */
export type Outcome = Case & ({ median: number; late: number; runs: number } | { reason: string });

/** All cases of a model, in the order in which they are measured. */
export const CASES: readonly Case[] = BACKENDS.flatMap((backend) => SIZES.map((texts) => ({ texts, backend })));

/** Measures one case; `signal` stops it between two calls, and in one. */
export async function measure(subject: Subject, { texts, backend }: Case, signal: AbortSignal): Promise<Outcome> {
  const asked = Array.from({ length: texts }, (_, at) => textOf(at, subject.info.pairs));
  const options: AskOptions = { backend, signal };
  for (let call = 0; call < WARM_UP; call++) {
    const refusal = refused(await subject.classifyAll(asked, options), backend);
    if (refusal !== undefined) return { texts, backend, reason: refusal };
  }
  const times: number[] = [];
  const from = performance.now();
  while (times.length < RUNS.most && (times.length < RUNS.least || performance.now() - from < RUNS.ms)) {
    const answers = await subject.classifyAll(asked, options);
    const refusal = refused(answers, backend);
    if (refusal !== undefined) return { texts, backend, reason: refusal };
    times.push(answers.reduce((sum, { ms }) => sum + ms, 0));
  }
  return { texts, backend, median: quantile(times, 0.5), late: quantile(times, 0.95), runs: times.length };
}

/** Why the GPU did not do what it was asked to; nothing if it did. */
function refused(answers: readonly Answer[], backend: Case['backend']): string | undefined {
  const other = answers.find((answer) => answer.backend !== backend);
  // What follows a semicolon is for programs.
  return other && (other.reason?.split(';')[0] ?? 'the CPU answered instead');
}

/** Of a pair, half of the words in each text. */
function textOf(at: number, pair: boolean): Text {
  const words = Array.from({ length: 12 }, (_, word) => WORDS[(word * (at % 5 + 1) + at) % WORDS.length]);
  return pair ? [words.slice(0, 6).join(' '), words.slice(6).join(' ')] : words.join(' ');
}
