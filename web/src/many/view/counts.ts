/** How many texts got each label: a chart, and a table that says the same. */

import { BarController, BarElement, CategoryScale, Chart, LinearScale } from 'chart.js';
import { byId, make, within } from '../../dom.ts';
import { count, share, title } from '../../format.ts';

Chart.register(BarController, BarElement, CategoryScale, LinearScale);

/** Height of a bar with the room around it, in CSS pixels. */
const BAR = 34;

const canvas = byId<HTMLCanvasElement>('counts-chart');
const box = canvas.parentElement as HTMLElement;
let chart: Chart<'bar', number[], string> | undefined;

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
  box.style.height = `${labels.length * BAR + BAR}px`;
  chart ??= empty();
  chart.data = { labels: labels.map(title), datasets: [{ data: [...counts], maxBarThickness: 18, borderRadius: 4 }] };
  paint();
}

function empty(): Chart<'bar', number[], string> {
  for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)']) {
    matchMedia(query).addEventListener('change', paint);
  }
  return new Chart(canvas, {
    type: 'bar',
    data: { labels: [], datasets: [] },
    // Nothing moves, so nobody has to ask for it.
    options: { indexAxis: 'y', animation: false, maintainAspectRatio: false, events: [] },
  });
}

/** Draws in the colours of the page as they are now: a canvas does not follow its style sheet. */
function paint(): void {
  if (chart === undefined) return;
  const { color: ink, borderTopColor: line, caretColor: bar, fontFamily: family } = getComputedStyle(box);
  const [dataset] = chart.data.datasets;
  if (dataset !== undefined) dataset.backgroundColor = bar;
  const ticks = { color: ink, font: { family, size: 13 } };
  chart.options.scales = {
    x: { beginAtZero: true, ticks: { ...ticks, precision: 0, maxTicksLimit: 5 }, grid: { color: line }, border: { display: false } },
    y: { ticks: { ...ticks, autoSkip: false }, grid: { display: false }, border: { color: line } },
  };
  chart.update();
}
