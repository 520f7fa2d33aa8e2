/** Where the reader writes: the question, the text and examples to click. */

import type { Entry, Example } from '../entry.ts';
import { byId, make } from '../dom.ts';

const question = byId('question');
const area = byId<HTMLTextAreaElement>('text');
const clear = byId<HTMLButtonElement>('clear');
const examples = byId('examples');

/** Calls `changed` whenever the text is another. */
export function onText(changed: () => void): void {
  area.addEventListener('input', () => {
    clear.hidden = area.value === '';
    changed();
  });
  clear.addEventListener('click', () => {
    writeText('');
    area.focus();
  });
}

/** The text as it stands. */
export function writtenText(): string {
  return area.value;
}

/** Asks the model's question and offers its examples. */
export function showPrompt(entry: Entry): void {
  question.textContent = entry.question;
  area.placeholder = entry.placeholder;
  examples.replaceChildren(...entry.examples.map((example) => make('li', {}, offer(example))));
  examples.hidden = entry.examples.length === 0;
  byId('examples-title').hidden = examples.hidden;
}

function offer({ title, text }: Example): HTMLElement {
  const button = make('button', { type: 'button', class: 'example', title: text }, title);
  button.addEventListener('click', () => writeText(text));
  return button;
}

/** Puts a text there, as if it had been typed. */
export function writeText(text: string): void {
  area.value = text;
  area.dispatchEvent(new Event('input'));
}
