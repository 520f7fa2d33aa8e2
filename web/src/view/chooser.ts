/** The models one can choose, as a row of radio buttons. */

import type { Entry } from '../entry.ts';
import { byId, make, within } from '../dom.ts';

const fieldset = byId('chooser');

/** Shows the models; `choose` hears which one the reader picks. */
export function offerModels(entries: readonly Entry[], choose: (entry: Entry) => void): void {
  const legend = within(fieldset, 'legend');
  fieldset.replaceChildren(legend, ...entries.map((entry) => choice(entry, choose)));
  fieldset.hidden = entries.length < 2;
}

/** Checks the model in use. */
export function showModel({ id }: Entry): void {
  for (const input of fieldset.querySelectorAll('input')) input.checked = input.value === id;
}

function choice(entry: Entry, choose: (entry: Entry) => void): HTMLElement {
  const input = make('input', { type: 'radio', name: 'model', value: entry.id });
  input.addEventListener('change', () => choose(entry));
  return make('label', { class: 'choice' }, input, make('span', { dir: 'auto' }, entry.name));
}
