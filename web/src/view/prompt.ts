/** Where the reader writes: the question, the text, or the two of a pair, and examples to click. */

import { halves, joined } from 'stillglass/client';
import type { Entry, Example } from '../entry.ts';
import { byId, make } from '../dom.ts';
import { inOne, type Names } from '../pair.ts';

const question = byId<HTMLLabelElement>('question');
const sheets = byId('sheets');
const area = byId<HTMLTextAreaElement>('text');
const second = byId<HTMLTextAreaElement>('second-text');
const names = [byId('text-name'), byId('second-text-name')];
const clear = byId<HTMLButtonElement>('clear');
const swap = byId<HTMLButtonElement>('swap');
const examples = byId('examples');

/** Calls `changed` whenever the text is another. */
export function onText(changed: () => void): void {
  for (const one of [area, second]) {
    one.addEventListener('input', () => {
      offerButtons();
      changed();
    });
  }
  clear.addEventListener('click', () => {
    second.value = '';
    writeText('');
    area.focus();
  });
  swap.addEventListener('click', () => {
    [area.value, second.value] = [second.value, area.value];
    area.dispatchEvent(new Event('input'));
  });
}

/** The text as it stands; of a pair, both as one. */
export function writtenText(): string {
  return writesPairs() ? joined([area.value, second.value]) : area.value;
}

/** Whether there is nothing to read: of a pair, while one of the texts is missing. */
export function nothingWritten(): boolean {
  return area.value.trim() === '' || (writesPairs() && second.value.trim() === '');
}

/** Asks the model's question and offers its examples, with one sheet or two. */
export function showPrompt(entry: Entry): void {
  question.textContent = entry.question;
  area.placeholder = entry.placeholder;
  showSheets(entry.texts);
  examples.replaceChildren(...entry.examples.map((example) => make('li', {}, offer(example))));
  examples.hidden = entry.examples.length === 0;
  byId('examples-title').hidden = examples.hidden;
}

function writesPairs(): boolean {
  return !second.hidden;
}

/** The question names a single sheet; of two it is the heading, and each has a name of its own. */
function showSheets(own: Names | undefined): void {
  sheets.classList.toggle('two', own !== undefined);
  second.hidden = own === undefined;
  names.forEach((name, at) => {
    name.textContent = own?.[at] ?? '';
    name.hidden = own === undefined;
  });
  if (own === undefined) {
    question.htmlFor = area.id;
    sheets.removeAttribute('role');
    sheets.removeAttribute('aria-labelledby');
  } else {
    question.removeAttribute('for');
    sheets.setAttribute('role', 'group');
    sheets.setAttribute('aria-labelledby', question.id);
  }
  offerButtons();
}

function offerButtons(): void {
  const both = area.value + (writesPairs() ? second.value : '');
  clear.hidden = both === '';
  swap.hidden = !writesPairs() || both === '';
}

function offer({ title, text }: Example): HTMLElement {
  const written = typeof text === 'string' ? text : joined(text);
  const button = make('button', { type: 'button', class: 'example', title: inOne(written) }, title);
  button.addEventListener('click', () => writeText(written));
  return button;
}

/** Puts a text there, as if it had been typed; a pair on both sheets, or, where there is one, on that. */
export function writeText(text: string): void {
  if (writesPairs()) [area.value, second.value] = halves(text);
  else area.value = inOne(text);
  area.dispatchEvent(new Event('input'));
}
