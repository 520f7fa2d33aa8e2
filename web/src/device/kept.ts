/** The page on this device: whether it works offline, its version and size, and how to mend or delete it. */

import { byId } from '../dom.ts';
import { bytes, messageOf, sentence } from '../format.ts';
import type { State } from '../offline.ts';

const buttons = { repair: byId('repair'), delete: byId('delete') };

/** What the reader can do about it; `repair` says whether it could be done. */
export interface Actions {
  repair: () => Promise<boolean>;
  delete: () => void;
}

/** Has the buttons do as they say. */
export function onKept(actions: Actions): void {
  buttons.delete.addEventListener('click', actions.delete);
  buttons.repair.addEventListener('click', async () => {
    if (await actions.repair()) return;
    byId('kept-text').textContent = 'The server cannot be reached now, so what is stored stays as it is. Try again once there is a network.';
  });
}

/** Shows where the keeping is. */
export function showKept(state: State): void {
  byId('kept-text').textContent = long(state);
  const size = state.at === 'stored' || state.at === 'newer' ? state.bytes : state.at === 'deleted' ? 0 : undefined;
  byId('kept-bytes').textContent = size === undefined ? '–' : bytes(size);
  const here = state.at === 'stored' || state.at === 'newer';
  buttons.repair.hidden = !here && state.at !== 'failed';
  buttons.delete.hidden = !here;
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
      return `${sentence(messageOf(state.error))} This tab works all the same.`;
  }
}
