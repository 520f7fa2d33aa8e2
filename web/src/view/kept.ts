/** The lines about what is kept on this device: that it is, and that a new version waits. */

import { byId } from '../dom.ts';
import type { State } from '../offline.ts';

const STATES: Record<State['at'], string> = {
  impossible: 'Not stored here',
  storing: 'Storing…',
  stored: 'Works offline',
  newer: 'Works offline',
  deleted: 'Deleted',
  failed: 'Could not be stored',
};

/** Hears that the reader wants the new version. */
export function onUpdate(update: () => void): void {
  byId('update').addEventListener('click', update);
}

/** Says where the keeping is. */
export function showKeptLine({ at }: State): void {
  document.documentElement.dataset['kept'] = at;
  byId('kept-state').textContent = STATES[at];
  byId('kept-version').textContent = __VERSION__;
  byId('newer').hidden = at !== 'newer';
}
