/** The views of the page and the links between them: what follows `#` in the address says which is shown. */

import { byId } from './dom.ts';

/** What the page shows. */
export type View = 'one' | 'many' | 'models' | 'device';

/** The element of each view, and its name in the title of the page. */
const VIEWS: Record<View, { shown: string; title: string }> = {
  one: { shown: 'one-text', title: '' },
  many: { shown: 'many-texts', title: 'Many texts' },
  models: { shown: 'all-models', title: 'Models' },
  device: { shown: 'this-device', title: 'This device' },
};

/** The views by the names that addresses have for them. */
export const NAMES = Object.keys(VIEWS) as View[];

/** Follows the address from now on; `show` hears of every view, the first included. */
export function onView(show: (view: View) => void): void {
  const follow = () => {
    const view = NAMES.find((name) => location.hash === `#${name}`) ?? 'one';
    turnTo(view);
    show(view);
  };
  addEventListener('hashchange', follow);
  follow();
}

/** Goes to a view at once, where its link would leave that to the browser. */
export function goTo(view: View): void {
  location.hash = view === 'one' ? '' : view;
  turnTo(view);
}

function turnTo(view: View): void {
  document.documentElement.dataset['view'] = view;
  document.title = [VIEWS[view].title, 'Stillglass'].filter((part) => part !== '').join(' – ');
  for (const name of NAMES) {
    byId(VIEWS[name].shown).hidden = name !== view;
    const link = byId(`to-${name}`);
    if (name === view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}
