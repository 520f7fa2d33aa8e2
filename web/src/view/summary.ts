/** The answer in words: a large verdict at once, and a sentence once typing pauses. */

import { byId, make } from '../dom.ts';
import { clipped, count, percent, title } from '../format.ts';

/** How much of a word a sentence bears, in characters. */
const LONGEST = 24;

const verdict = byId('verdict');
const sentence = byId('summary');

/** What the sentence is about. */
export interface Summary {
  predicted: string;
  score: number;
  /** The class whose words are named. */
  chosen: string;
  for: readonly string[];
  against: readonly string[];
}

/** The predicted class and its probability, large; the sentence is marked as out of date. */
export function showVerdict(label: string, score: number): void {
  verdict.replaceChildren(
    make('span', { class: 'verdict-label', dir: 'auto' }, title(label)),
    ' ',
    make('span', { class: 'verdict-score' }, percent(score)),
  );
  verdict.hidden = false;
  sentence.classList.add('stale');
}

/** The sentence; a screen reader speaks it when it changes. */
export function showSummary(summary: Summary): void {
  const { predicted, score, chosen } = summary;
  sentence.replaceChildren(
    make('span', { class: 'visually-hidden' }, `${title(predicted)}, ${percent(score)}. `),
    ...reasons(summary, chosen === predicted),
  );
  sentence.classList.remove('stale');
}

/** Takes verdict and sentence away. */
export function clearSummary(): void {
  verdict.hidden = true;
  verdict.replaceChildren();
  sentence.replaceChildren();
}

function reasons(summary: Summary, isPredicted: boolean): (Node | string)[] {
  const speakFor = list(summary.for);
  const speakAgainst = list(summary.against);
  const subject = isPredicted ? 'it' : summary.chosen;
  if (speakFor.length === 0 && speakAgainst.length === 0) {
    return [isPredicted ? 'No single word decided it.' : `No single word speaks for or against ${subject}.`];
  }
  if (speakFor.length === 0) return [...speakAgainst, ` spoke against ${subject}; nothing much spoke for it.`];
  const opening = [...speakFor, ` spoke for ${subject}`];
  return speakAgainst.length === 0 ? [...opening, '.'] : [...opening, '; ', ...speakAgainst, ' against.'];
}

/** The words as a list, or, of more than `most`, how many they are. */
export function named(words: readonly string[], most: number): (Node | string)[] {
  return words.length > most ? [`${count(words.length)} words`] : list(words);
}

/** `“a”, “b” and “c”`, each word isolated so that its writing direction stays its own. */
function list(words: readonly string[]): (Node | string)[] {
  return words.flatMap((word, index) => {
    const joint = index === 0 ? '' : index === words.length - 1 ? ' and ' : ', ';
    return [joint, '“', make('bdi', {}, clipped(word, LONGEST)), '”'];
  });
}
