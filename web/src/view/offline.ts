/** The page on this device: whether it works offline, its version and size, and how to mend or delete it. */

import { byId } from '../dom.ts';
import { bytes, sentence } from '../format.ts';
import type { State } from '../offline.ts';

/** What the reader can do about it. */
export interface Actions {
  update: () => void;
  repair: () => void;
  delete: () => void;
}

const notice = byId('newer');
const buttons = { update: byId('update'), repair: byId('repair'), delete: byId('delete') };

/** Has the buttons do as they say. */
export function onKept(actions: Actions): void {
  for (const name of ['update', 'repair', 'delete'] as const) buttons[name].addEventListener('click', actions[name]);
}

/** Shows where the keeping is. */
export function showKept(state: State): void {
  document.documentElement.dataset['kept'] = state.at;
  byId('kept-state').textContent = short(state);
  byId('kept-text').textContent = long(state);
  byId('kept-version').textContent = __VERSION__;
  const size = state.at === 'stored' || state.at === 'newer' ? state.bytes : state.at === 'deleted' ? 0 : undefined;
  byId('kept-bytes').textContent = size === undefined ? '–' : bytes(size);
  notice.hidden = state.at !== 'newer';
  const here = state.at === 'stored' || state.at === 'newer';
  buttons.repair.hidden = !here && state.at !== 'failed';
  buttons.delete.hidden = !here;
}

function short(state: State): string {
  switch (state.at) {
    case 'impossible':
      return 'Not stored here';
    case 'storing':
      return 'Storing…';
    case 'stored':
    case 'newer':
      return 'Works offline';
    case 'deleted':
      return 'Deleted';
    case 'failed':
      return 'Could not be stored';
  }
}

function long(state: State): string {
  switch (state.at) {
    case 'impossible':
      return 'This browser stores nothing for this page, so each visit needs the network. This tab does not.';
    case 'storing':
      return 'The page, the runtime and the models are being stored on this device.';
    case 'stored':
    case 'newer':
      return 'The page, the runtime and the models are stored on this device: it opens without a network. Install it from your browser’s menu to have it beside your other apps. What you type is not stored.';
    case 'deleted':
      return 'Nothing of this page is stored on this device any more. This tab still works; the next visit stores it again.';
    case 'failed':
      return `${sentence(state.error instanceof Error ? state.error.message : String(state.error))} This tab works all the same.`;
  }
}
