/** An item and the questions about it, as elements. */

import { make } from '../dom.ts';
import { segments } from '../explain.ts';
import type { Item, Painted, Plan } from './plan.ts';

/** Below this share of the largest weight a word stays as it is. */
const FAINT = 0.05;

/** Shows a text, its answer and why. */
export function drawItem(parent: HTMLElement, item: Item): void {
  const { text, text2, answer, explanation } = item;
  const painted = 'words' in explanation;
  const texts = text2 === undefined ? [text] : [text, text2];
  const bodies = texts.map((own, at) => make('p', { class: 'words', dir: 'auto' }, ...(painted ? paint(own, explanation.words.filter(({ half = 0 }) => half === at)) : [own])));
  const why = painted
    ? [
        'The words that are painted in the text: ',
        make('span', { class: 'word', 'data-side': 'for' }, 'for'),
        ' the answer and ',
        make('span', { class: 'word', 'data-side': 'against' }, 'against'),
        ' it; the stronger, the more.',
        make('span', { class: 'visually-hidden' }, told(texts, explanation.words)),
      ]
    : [explanation.sentence];
  parent.replaceChildren(
    make('h3', {}, 'Text'),
    ...bodies,
    make('h3', {}, 'Answer'),
    make('p', { class: 'given', dir: 'auto' }, answer),
    make('h3', {}, 'Explanation'),
    make('p', { class: painted ? '' : 'words', dir: 'auto' }, ...why),
  );
}

/** The painted words for who cannot see colours: those for the answer, then those against it, the strongest first. */
function told(texts: readonly string[], words: readonly Painted[]): string {
  const side = (name: string, of: (weight: number) => boolean): string => {
    const strongest = words.filter(({ weight }) => of(weight)).sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
    const list = strongest.map(({ start, end, half = 0 }) => texts[half]?.slice(start, end)).join(', ');
    return ` ${name} the answer: ${list === '' ? 'none' : list}.`;
  };
  return side('For', (weight) => weight >= FAINT) + side('Against', (weight) => weight <= -FAINT);
}

/** A text with its words as spans, coloured by what they say. */
function paint(text: string, words: readonly Painted[]): (Node | string)[] {
  return segments(text, words).map((segment) => {
    const weight = segment.word === undefined ? 0 : (words[segment.word]?.weight ?? 0);
    if (Math.abs(weight) < FAINT) return segment.text;
    const span = make('span', { class: 'word', 'data-side': weight > 0 ? 'for' : 'against' }, segment.text);
    span.style.setProperty('--strength', Math.abs(weight).toFixed(2));
    return span;
  });
}

/** Shows the sentences to agree with or not; `chosen` are the ratings given before. */
export function drawQuestions(parent: HTMLElement, plan: Plan, chosen: readonly number[] | undefined): void {
  parent.replaceChildren(
    ...plan.constructs.map(({ name, statement }, index) => {
      const options = plan.scale.map((meaning, place) => {
        const value = place + 1;
        const input = make('input', { type: 'radio', name, value: String(value) });
        input.checked = chosen?.[index] === value;
        return make('label', { class: 'option' }, input, make('span', {}, meaning));
      });
      return make('fieldset', { class: 'asked' }, make('legend', {}, statement), make('div', { class: 'options' }, ...options));
    }),
  );
}
