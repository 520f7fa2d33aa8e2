/** The contributions as a table: always there for screen readers, visible on demand. */

import { byId, make, within } from '../dom.ts';
import type { Row } from '../explain.ts';
import { signed, title } from '../format.ts';
import { textAt, type Names } from '../texts.ts';

const wrapper = byId('numbers');
const toggle = byId<HTMLButtonElement>('numbers-toggle');
const table = within<HTMLTableElement>(wrapper, 'table');

/** What the table is made of. */
export interface Numbers {
  /** Each with a value for every label of every model, in their order. */
  rows: readonly Row[];
  labels: readonly string[];
  /** The text whose words they are of, and what its parts are called, if it is several. */
  text: string;
  names?: Names | undefined;
  /** The class whose columns stand out. */
  chosen: string;
  /** Whose columns these are; one model alone needs no name. */
  models: readonly string[];
  /** Where the words begin on which the models are at odds. */
  atOdds: ReadonlySet<number>;
}

/** Fills the table. */
export function showNumbers({ rows, labels, text, names, chosen, models, atOdds }: Numbers): void {
  const columns = models.flatMap((_, model) => labels.map((label, at) => ({ label, first: model > 0 && at === 0 })));
  const of = ({ label, first }: { label: string; first: boolean }) => {
    return { class: `${label === chosen ? 'chosen' : ''} ${first ? 'first' : ''}`.trim() };
  };
  const heads = columns.map((column) => make('th', { scope: 'col', ...of(column) }, title(column.label)));
  const line = (row: Row) =>
    make(
      'tr',
      { class: row.kind },
      make('th', { scope: 'row', dir: 'auto' }, row.text, ...(row.kind === 'word' && atOdds.has(row.start) ? odd() : [])),
      ...columns.map((column, at) => {
        const value = row.values[at];
        return make('td', of(column), value === undefined ? '–' : signed(value));
      }),
    );
  within(table, 'thead').replaceChildren(
    ...(models.length > 1 ? [groups(models, labels.length)] : []),
    make('tr', {}, make('th', { scope: 'col' }, 'Word'), ...heads),
  );
  byId('numbers-rest').hidden = !rows.some(({ kind }) => kind === 'rest');
  byId('numbers-boundary').hidden = !rows.some(({ kind }) => kind === 'boundary');
  const words = rows.filter(({ kind }) => kind === 'word');
  const heading = (name: string) => make('tr', { class: 'text' }, make('th', { scope: 'rowgroup', colspan: String(columns.length + 1) }, name));
  const bodies = names?.map((name, at) => make('tbody', {}, heading(name), ...words.filter(({ start }) => textAt(text, start) === at).map(line)));
  for (const body of [...table.tBodies]) body.remove();
  within(table, 'tfoot').before(...(bodies ?? [make('tbody', {}, ...words.map(line))]));
  within(table, 'tfoot').replaceChildren(...rows.filter(({ kind }) => kind !== 'word').map(line));
}

/** The row that says whose columns follow. */
function groups(models: readonly string[], span: number): HTMLElement {
  const head = (name: string, at: number) =>
    make('th', { scope: 'colgroup', colspan: String(span), class: at > 0 ? 'group first' : 'group' }, name);
  return make('tr', {}, make('td'), ...models.map(head));
}

function odd(): Node[] {
  return [make('span', { class: 'mark-odd', 'aria-hidden': 'true' }), make('span', { class: 'visually-hidden' }, ', at odds')];
}

/** Says that the visible table scrolls, if it does. */
function showMore(): void {
  byId('numbers-more').hidden = wrapper.classList.contains('visually-hidden') || wrapper.scrollHeight <= wrapper.clientHeight;
}

toggle.addEventListener('click', () => {
  const visible = wrapper.classList.contains('visually-hidden');
  toggle.textContent = visible ? 'Hide the numbers' : 'Show the numbers';
  wrapper.classList.toggle('visually-hidden', !visible);
  // A visible table may scroll, and a keyboard has to reach it then.
  wrapper.tabIndex = visible ? 0 : -1;
  showMore();
});

new ResizeObserver(showMore).observe(table);
