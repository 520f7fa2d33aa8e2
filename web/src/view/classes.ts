/** The classes with their probabilities as bars; each is also the choice whose words are shown. */

import { byId, make, within } from '../dom.ts';
import { percent, title } from '../format.ts';

const fieldset = byId('classes');

interface Line {
  line: HTMLElement;
  input: HTMLInputElement;
  share: HTMLElement;
}

let lines = new Map<string, Line>();

/** Makes one bar a class; `choose` hears which one the reader picks. `what` a class is to the reader. */
export function offerClasses(labels: readonly string[], what: string, choose: (label: string) => void): void {
  const legend = within(fieldset, 'legend');
  legend.textContent = `Choose ${what} to see its words`;
  lines = new Map(labels.map((label) => [label, makeLine(label, choose)]));
  fieldset.replaceChildren(legend, ...[...lines.values()].map(({ line }) => line));
}

/** Whether these are the classes that are offered, in this order. */
export function offersClasses(labels: readonly string[]): boolean {
  return labels.length === lines.size && [...lines.keys()].every((label, at) => label === labels[at]);
}

/** Shows each class's probability, which is predicted and whose words are shown. */
export function showClasses(scores: Record<string, number>, predicted: string, chosen: string): void {
  for (const [label, { line, input, share }] of lines) {
    const score = scores[label] ?? 0;
    line.classList.toggle('predicted', label === predicted);
    line.style.setProperty('--share', score.toFixed(4));
    share.textContent = percent(score);
    input.checked = label === chosen;
  }
}

function makeLine(label: string, choose: (label: string) => void): Line {
  const input = make('input', { type: 'radio', name: 'class', value: label });
  const share = make('span', { class: 'share' });
  const line = make(
    'label',
    { class: 'class' },
    input,
    make('span', { class: 'class-name', dir: 'auto' }, title(label)),
    make('span', { class: 'bar', 'aria-hidden': 'true' }, make('span', { class: 'fill' })),
    share,
  );
  input.addEventListener('change', () => choose(label));
  return { line, input, share };
}
