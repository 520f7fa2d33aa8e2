/** The list of models: what each is, and what can be done with it. */

import { byId, make } from '../dom.ts';
import type { Entry } from '../entry.ts';
import { bytes, count } from '../format.ts';
import type { About } from './manifest.ts';

const list = byId('shelf');

/** What the reader can do with a model of the list. */
export interface Actions {
  use: (entry: Entry) => void;
  read: (entry: Entry) => void;
  remove: (entry: Entry) => void;
}

/** A model as the list shows it; `about` is missing while its bundle is not here. */
export interface Shelved {
  entry: Entry;
  about: About | undefined;
  chosen: boolean;
}

/** Shows the models anew. A button that had the focus keeps it, if it is still there. */
export function showShelf(shelved: readonly Shelved[], actions: Actions): void {
  const focused = list.contains(document.activeElement) ? document.activeElement?.id : undefined;
  list.replaceChildren(...shelved.map((model) => item(model, actions)));
  if (focused !== undefined) document.getElementById(focused)?.focus();
}

function item({ entry, about, chosen }: Shelved, actions: Actions): HTMLElement {
  const act = (name: keyof Actions, text: string, more: Record<string, string> = {}) => {
    const button = make('button', { type: 'button', class: 'plain', id: `${name}-${entry.id}`, ...more }, text, ' ', hidden(entry.name));
    button.addEventListener('click', () => actions[name](entry));
    return button;
  };
  return make(
    'li',
    chosen ? { class: 'model chosen' } : { class: 'model' },
    make('h3', { dir: 'auto' }, entry.name),
    make('p', { class: 'small', dir: 'auto' }, about === undefined ? 'Its file is not here yet.' : line(about)),
    make(
      'div',
      { class: 'model-actions' },
      act('use', chosen ? 'In use' : 'Use', { 'aria-pressed': String(chosen) }),
      ...(about === undefined ? [] : [act('read', 'Read the card')]),
      ...(entry.source instanceof File ? [act('remove', 'Remove')] : []),
    ),
  );
}

/** What tells one model's buttons from another's, for who hears them without the list. */
function hidden(name: string): HTMLElement {
  return make('span', { class: 'visually-hidden', dir: 'auto' }, name);
}

/** Kind, size, classes and the first figures of the card. */
function line({ kind, labels, card, bytes: size }: About): string {
  const figures = ['accuracy', 'macro-F1'].flatMap((name) => {
    const found = card.metrics.find((metric) => metric.name === name);
    return found === undefined || !Number.isFinite(found.value) ? [] : [`${name} ${found.value.toFixed(3)} on ${found.split} rows`];
  });
  const classes = `${count(labels.length)} classes: ${labels.join(', ')}`;
  return [kind === 'student' ? 'Student' : 'Teacher', bytes(size), classes, ...figures].join(' · ');
}
