/** What the element shows of an answer. */

import type { Answer, Text, Word } from './types.js';

/** Weights under this share of the strongest are not marked. */
const FAINT = 0.1;

/** The class and its probability. */
export function verdict({ label, scores }: Answer, explained: string): Node[] {
  const said = explained === label ? '' : ` (explained: ${explained}, ${percent(scores[explained])})`;
  return [span('label', label), document.createTextNode(' '), span('score', percent(scores[label]) + said)];
}

/** The text, its words marked by what they gave to the class; their numbers are there for who hears them. */
export function words(text: Text, answer: Answer, label: string): Node[] {
  const strongest = strength(answer, label);
  const all = answer.words ?? [];
  if (typeof text === 'string') return marks(text, all, label, strongest);
  return text.map((half, place) => {
    const element = span('text', '');
    element.dir = 'auto';
    element.append(...marks(half, all.filter((word) => (word.half ?? 0) === place), label, strongest));
    return element;
  });
}

function marks(text: string, words: readonly Word[], label: string, strongest: number): Node[] {
  const nodes: Node[] = [];
  let at = 0;
  for (const word of words) {
    nodes.push(document.createTextNode(text.slice(at, word.start)), marked(text, word, label, strongest));
    at = word.end;
  }
  return [...nodes, document.createTextNode(text.slice(at))];
}

/** The answer as one sentence. */
export function sentence(answer: Answer, label: string): string {
  const sorted = [...(answer.words ?? [])].sort((a, b) => weight(b, label) - weight(a, label));
  const [first, last] = [sorted[0], sorted.at(-1)];
  const spoke = first !== undefined && weight(first, label) > 0 ? `; “${first.text}” spoke most for ${label}` : '';
  const against = last !== undefined && weight(last, label) < 0 ? `, “${last.text}” most against it` : '';
  const cut = answer.truncated === undefined ? '' : `; only ${answer.tokens} of ${answer.truncated.tokens} tokens were read`;
  return `${answer.label}, ${percent(answer.scores[answer.label])}${spoke}${against}${cut}.`;
}

function marked(text: string, word: Word, label: string, strongest: number): Node {
  const share = weight(word, label) / strongest;
  const shown = text.slice(word.start, word.end);
  if (!(Math.abs(share) >= FAINT)) return document.createTextNode(shown);
  const mark = span(share > 0 ? 'word for' : 'word against', shown);
  mark.style.setProperty('--strength', Math.abs(share).toFixed(2));
  mark.append(span('value', ` ${signed(weight(word, label))}`));
  return mark;
}

function strength(answer: Answer, label: string): number {
  return Math.max(0, ...(answer.words ?? []).map((word) => Math.abs(weight(word, label))));
}

function weight(word: Word, label: string): number {
  return word.weights[label] ?? 0;
}

function span(part: string, text: string): HTMLElement {
  const element = document.createElement('span');
  element.setAttribute('part', part);
  element.textContent = text;
  return element;
}

function percent(share = 0): string {
  return `${Math.round(100 * share)}%`;
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;
}
