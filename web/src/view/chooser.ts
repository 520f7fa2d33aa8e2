/** The models one can choose, as a row of radio buttons. */

import type { Entry } from '../catalogue.ts';
import { byId, make, within } from '../dom.ts';

const fieldset = byId('models');

/** Shows the models with `chosen` checked; `choose` hears which one the reader picks. */
export function offerModels(entries: readonly Entry[], chosen: Entry, choose: (entry: Entry) => void): void {
  const legend = within(fieldset, 'legend');
  fieldset.replaceChildren(legend, ...entries.map((entry) => choice(entry, entry === chosen, choose)));
  fieldset.hidden = entries.length < 2;
}

function choice(entry: Entry, checked: boolean, choose: (entry: Entry) => void): HTMLElement {
  const input = make('input', { type: 'radio', name: 'model', value: entry.id });
  input.checked = checked;
  input.addEventListener('change', () => choose(entry));
  return make('label', { class: 'choice' }, input, make('span', { dir: 'auto' }, entry.name));
}
