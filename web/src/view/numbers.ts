/** The contributions as a table: always there for screen readers, visible on demand. */

import { byId, make, within } from '../dom.ts';
import type { Row } from '../explain.ts';
import { signed, title } from '../format.ts';

const wrapper = byId('numbers');
const toggle = byId<HTMLButtonElement>('numbers-toggle');
const table = within<HTMLTableElement>(wrapper, 'table');

/** Fills the table; `chosen` is the class whose column stands out. */
export function showNumbers(rows: readonly Row[], labels: readonly string[], chosen: string): void {
  const of = (label: string) => (label === chosen ? { class: 'chosen' } : {});
  const heads = labels.map((label) => make('th', { scope: 'col', ...of(label) }, title(label)));
  const line = (row: Row) =>
    make(
      'tr',
      { class: row.kind },
      make('th', { scope: 'row', dir: 'auto' }, row.text),
      ...row.values.map((value, index) => make('td', of(labels[index] ?? ''), signed(value))),
    );
  within(table, 'thead').replaceChildren(make('tr', {}, make('th', { scope: 'col' }, 'Word'), ...heads));
  within(table, 'tbody').replaceChildren(...rows.filter(({ kind }) => kind === 'word').map(line));
  within(table, 'tfoot').replaceChildren(...rows.filter(({ kind }) => kind !== 'word').map(line));
}

toggle.addEventListener('click', () => {
  const visible = toggle.getAttribute('aria-pressed') !== 'true';
  toggle.setAttribute('aria-pressed', String(visible));
  wrapper.classList.toggle('visually-hidden', !visible);
  // A visible table may scroll, and a keyboard has to reach it then.
  wrapper.tabIndex = visible ? 0 : -1;
});
