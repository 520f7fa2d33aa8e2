/** The answers of a question to choose among: a field for each, and an empty one more while there is room. */

import { byId, make } from '../dom.ts';

/** Most answers; a row of fields is no form for more. */
const MOST = 10;

const list = byId('choices');

/** Calls `changed` whenever the answers are others. */
export function onChoices(changed: () => void): void {
  list.addEventListener('input', () => {
    grow();
    changed();
  });
  // An empty field between others would leave a gap in their numbers.
  list.addEventListener('change', () => {
    const empty = fields().slice(0, -1).filter(({ value }) => value.trim() === '');
    for (const field of empty) field.closest('li')?.remove();
    grow();
  });
  list.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.isComposing) return;
    event.preventDefault();
    const all = fields();
    all[all.findIndex((field) => field === event.target) + 1]?.focus();
  });
}

/** Shows or hides the fields; what they are called is theirs before their number. */
export function showChoices(name: string | undefined): void {
  list.hidden = name === undefined;
  list.dataset['name'] = name ?? '';
  list.setAttribute('aria-label', `${name ?? ''}s to choose among`);
  grow();
}

/** Whether there are choices to be written. */
export function offersChoices(): boolean {
  return !list.hidden;
}

/** The answers that are written. */
export function writtenChoices(): string[] {
  return fields().map(({ value }) => value.trim()).filter((value) => value !== '');
}

/** Puts answers there, in the place of others. */
export function writeChoices(choices: readonly string[]): void {
  list.replaceChildren(...choices.slice(0, MOST).map(field));
  grow();
}

function fields(): HTMLInputElement[] {
  return [...list.querySelectorAll('input')];
}

/** Keeps an empty field at the end, two at least in all, and numbers them. */
function grow(): void {
  while (fields().length < MOST && (fields().length < 2 || fields().at(-1)?.value !== '')) list.append(field(''));
  const name = list.dataset['name'] ?? '';
  fields().forEach((one, at) => {
    one.setAttribute('aria-label', `${name} ${at + 1}`);
    one.placeholder = `${name} ${at + 1}`;
  });
}

function field(value: string): HTMLElement {
  const input = make('input', { type: 'text', class: 'choice-field', dir: 'auto', autocomplete: 'off' });
  input.value = value;
  return make('li', {}, input);
}
