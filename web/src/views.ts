/** The two views of the page, and the links between them: `#many` in the address is the second. */

import { byId } from './dom.ts';

/** The views that have an address of their own. */
export const VIEWS: readonly string[] = ['many'];

/** What the page shows. */
export type View = 'one' | 'many';

const SHOWN = { one: 'one-text', many: 'many-texts' } as const;
const TITLES = { one: 'Stillglass', many: 'Many texts – Stillglass' } as const;

/** Follows the address from now on; `show` hears of every view, the first included. */
export function onView(show: (view: View) => void): void {
  const follow = () => {
    const view = location.hash === '#many' ? 'many' : 'one';
    turnTo(view);
    show(view);
  };
  addEventListener('hashchange', follow);
  follow();
}

/** Goes to a view at once, where its link would leave that to the browser. */
export function goTo(view: View): void {
  location.hash = view === 'many' ? 'many' : '';
  turnTo(view);
}

function turnTo(view: View): void {
  document.documentElement.dataset['view'] = view;
  document.title = TITLES[view];
  for (const name of ['one', 'many'] as const) {
    byId(SHOWN[name]).hidden = name !== view;
    const link = byId(`to-${name}`);
    if (name === view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}
