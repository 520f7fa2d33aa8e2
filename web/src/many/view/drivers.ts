/** The words that drive each class over the whole file, a table for each. */

import { byId, make } from '../../dom.ts';
import { count, signed, title } from '../../format.ts';
import type { Driver } from '../protocol.ts';

/** Shows the words of each class; none where the model does not explain at once. */
export function showDrivers(labels: readonly string[], drivers: Driver[][] | undefined): void {
  byId('drivers').hidden = drivers === undefined;
  byId('driver-tables').replaceChildren(...labels.map((label, at) => table(label, drivers?.[at] ?? [])));
}

function table(label: string, drivers: Driver[]): HTMLElement {
  const caption = make('caption', { dir: 'auto' }, title(label));
  if (drivers.length === 0) return make('table', { class: 'plain-table' }, caption, make('tbody', {}, make('tr', {}, make('td', {}, 'No word was seen twice.'))));
  const most = drivers[0]?.total ?? 1;
  const heads = ['Word', 'Gave in all', 'Seen'].map((name) => make('th', { scope: 'col' }, name));
  return make(
    'table',
    { class: 'plain-table driver-table' },
    caption,
    make('thead', {}, make('tr', {}, ...heads)),
    make('tbody', {}, ...drivers.map((driver) => row(driver, most))),
  );
}

function row({ word, count: seen, total }: Driver, most: number): HTMLElement {
  const fill = make('span', { class: 'fill' });
  fill.style.setProperty('--share', String(total / most));
  return make(
    'tr',
    {},
    make('th', { scope: 'row', dir: 'auto' }, word),
    make('td', {}, make('span', { class: 'bar', 'aria-hidden': 'true' }, fill), signed(total)),
    make('td', {}, count(seen)),
  );
}
