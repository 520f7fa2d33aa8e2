/** How many texts got each label: a chart, and a table that says the same. */

import { byId, make, within } from '../../dom.ts';
import { count, share, title } from '../../format.ts';
import { BarChart } from './chart.ts';

const chart = new BarChart(byId('counts-chart'));

/** Draws the counts. */
export function showCounts(labels: readonly string[], counts: readonly number[]): void {
  const all = counts.reduce((sum, value) => sum + value, 0);
  within(byId('counts'), 'tbody').replaceChildren(
    ...labels.map((label, at) => {
      const texts = counts[at] ?? 0;
      const part = all === 0 ? '–' : share(texts / all);
      return make('tr', {}, make('th', { scope: 'row', dir: 'auto' }, title(label)), make('td', {}, count(texts)), make('td', {}, part));
    }),
  );
  chart.show(labels.map(title), counts);
}
