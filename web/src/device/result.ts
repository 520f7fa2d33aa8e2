/** The table of times, and the bars beside it. */

import { byId, make } from '../dom.ts';
import { bytes, duration } from '../format.ts';
import { COLUMNS, cellsOf, type Measured } from './report.ts';

const section = byId('measured');
const chart = byId('measured-chart');
const table = byId<HTMLTableElement>('measured-table');

/** Ends of the bars' scale in milliseconds, which is logarithmic: times lie a thousandfold apart. */
const SCALE = { from: 0.05, to: 20_000 };
/** What is written below the bars. */
const TICKS = [0.1, 1, 10, 100, 1_000, 10_000];

/** Shows what was measured; `whole` is whether that is all that was asked for. */
export function showMeasured(name: string, measured: readonly Measured[], facts: readonly [string, string][], whole: boolean): void {
  byId('measured-title').textContent = whole ? `Times of the ${name} model here` : `Times of the ${name} model here, as far as it was measured`;
  const heads = COLUMNS.slice(1, -1).map((column) => make('th', { scope: 'col' }, column));
  table.replaceChildren(make('thead', {}, make('tr', {}, ...heads)), ...measured.map(group));
  chart.replaceChildren(...measured.flatMap((model) => model.outcomes.flatMap((outcome) => bar(model, outcome))), scale());
  byId('measured-facts').replaceChildren(...facts.map(([term, value]) => make('div', {}, make('dt', {}, term), make('dd', { dir: 'auto' }, value))));
  section.hidden = false;
}

/** The rows of one model, below its name and memory. */
function group(model: Measured): HTMLElement {
  const columns = String(COLUMNS.length - 2);
  const head = make('th', { scope: 'rowgroup', colspan: columns }, make('bdi', {}, model.name), `, ${bytes(model.memory)} of memory once it is open`);
  return make('tbody', {}, make('tr', {}, head), ...model.outcomes.map((outcome) => row(model, outcome)));
}

function row(model: Measured, outcome: Measured['outcomes'][number]): HTMLElement {
  const [texts = '', ...cells] = cellsOf(model, outcome).slice(1, -1);
  const first = make('th', { scope: 'row' }, texts);
  if (!('reason' in outcome)) return make('tr', {}, first, ...cells.map((cell) => make('td', {}, cell)));
  const [backend = '', reason = ''] = cells;
  return make('tr', {}, first, make('td', {}, backend), make('td', { colspan: '3' }, reason));
}

/** A bar as long as the median, and a mark at the 95th percentile. */
function bar({ name }: Measured, outcome: Measured['outcomes'][number]): HTMLElement[] {
  if ('reason' in outcome) return [];
  const fill = make('span', { class: 'fill' });
  const track = make('span', { class: 'bar' }, fill, make('span', { class: 'late' }));
  track.style.setProperty('--share', place(outcome.median).toFixed(4));
  track.style.setProperty('--late', place(outcome.late).toFixed(4));
  const texts = outcome.texts === 1 ? '1 text' : `${outcome.texts} texts`;
  const head = make('span', { class: 'bar-name' }, make('bdi', {}, name), ` · ${texts} · ${outcome.backend.toUpperCase()}`);
  return [make('div', { class: 'time' }, head, track, make('span', { class: 'share' }, duration(outcome.median)))];
}

function scale(): HTMLElement {
  const ticks = TICKS.map((ms) => {
    const tick = make('span', {}, ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`);
    tick.style.setProperty('--share', place(ms).toFixed(4));
    return tick;
  });
  return make('div', { class: 'time' }, make('span', {}), make('span', { class: 'ticks' }, ...ticks), make('span', {}));
}

function place(ms: number): number {
  const share = Math.log(ms / SCALE.from) / Math.log(SCALE.to / SCALE.from);
  return Math.min(1, Math.max(0.01, share));
}
