/** Where the reader writes: the question, the text, the two of a pair or a question and its choices, and examples to click. */

import type { Entry, Example } from '../entry.ts';
import { byId, make } from '../dom.ts';
import { FEWEST, inOne, textsOf, together, type Names } from '../texts.ts';
import { offersChoices, onChoices, showChoices, writeChoices, writtenChoices } from './choices.ts';

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
  const written = () => {
    offerButtons();
    changed();
  };
  for (const one of [area, second]) one.addEventListener('input', written);
  onChoices(written);
  clear.addEventListener('click', () => {
    second.value = '';
    writeChoices([]);
    writeText('');
    area.focus();
  });
  swap.addEventListener('click', () => {
    [area.value, second.value] = [second.value, area.value];
    area.dispatchEvent(new Event('input'));
  });
}

/** The text as it stands; of several, all as one. */
export function writtenText(): string {
  const more = offersChoices() ? writtenChoices() : writesPairs() ? [second.value] : [];
  return more.length === 0 ? area.value : together([area.value, ...more]);
}

/** Whether there is nothing to read: while one of the texts is missing. */
export function nothingWritten(): boolean {
  const missing = writesPairs() ? second.value.trim() === '' : offersChoices() && writtenChoices().length < FEWEST;
  return area.value.trim() === '' || missing;
}

/** Asks the model's question and offers its examples, with one sheet or two, or one and fields. */
export function showPrompt(entry: Entry): void {
  question.textContent = entry.question;
  area.placeholder = entry.placeholder;
  showSheets(entry.texts, entry.choices === true);
  examples.replaceChildren(...entry.examples.map((example) => make('li', {}, offer(example))));
  examples.hidden = entry.examples.length === 0;
  byId('examples-title').hidden = examples.hidden;
}

function writesPairs(): boolean {
  return !second.hidden;
}

/** The question names a single sheet; of two it is the heading, and each has a name of its own. */
function showSheets(own: Names | undefined, choices: boolean): void {
  sheets.classList.toggle('two', own !== undefined);
  second.hidden = own === undefined || choices;
  showChoices(choices ? own?.[1] : undefined);
  names.forEach((name, at) => {
    name.textContent = own?.[at] ?? '';
    name.hidden = own === undefined || (choices && at > 0);
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
  const all = area.value + (writesPairs() ? second.value : offersChoices() ? writtenChoices().join('') : '');
  clear.hidden = all === '';
  swap.hidden = !writesPairs() || all === '';
}

function offer({ title, text }: Example): HTMLElement {
  const written = typeof text === 'string' ? text : together(text);
  const button = make('button', { type: 'button', class: 'example', title: inOne(written) }, title);
  button.addEventListener('click', () => writeText(written));
  return button;
}

/** Puts a text there, as if it had been typed; several where they belong, or, where there is one sheet, on that. */
export function writeText(text: string): void {
  const [first = '', ...more] = textsOf(text);
  area.value = writesPairs() || offersChoices() ? first : inOne(text);
  if (writesPairs()) second.value = more.join(' ');
  else if (offersChoices()) {
    const there = writtenChoices();
    // One answer alone, as a file of pairs has it, is one more to choose among.
    const [one = ''] = more;
    if (more.length > 1) writeChoices(more);
    else if (one !== '' && !there.includes(one)) writeChoices([...there, one]);
  }
  area.dispatchEvent(new Event('input'));
}
