/** A run's comparisons as a chart: how many times as much others take. */

import * as vega from 'vega';
import * as lite from 'vega-lite';
import { comparisons } from './figures.mjs';
import { figure } from './report.mjs';

/** Legible on a light and on a dark page, whichever the reader has. */
const STYLE = `<style>
text { fill: #1f2328 }
svg > rect { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  svg > rect { fill: #0d1117 }
}
</style>`;

export async function svg(result) {
  const values = comparisons(result).map(({ title, unit, mine, other, times }) => ({
    row: title,
    library: other.system.replace(/ (f32|u8|i8)$/, ''),
    times,
    said: `${figure(times)}×  (${figure(mine.value)} and ${figure(other.value)} ${unit})`,
  }));
  const { spec } = lite.compile({
    title: { text: 'How many times as much others take as Stillglass', anchor: 'start' },
    data: { values },
    width: 420,
    height: { step: 22 },
    encoding: {
      y: { field: 'row', type: 'nominal', sort: null, title: null, axis: { labelLimit: 400, ticks: false } },
      yOffset: { field: 'library', sort: null },
      x: { field: 'times', type: 'quantitative', scale: { type: 'log', domainMin: 0.5 }, title: 'times as much, on a logarithmic scale', axis: { grid: false, format: '~r' } },
    },
    layer: [
      { mark: { type: 'bar' }, encoding: { x2: { datum: 0.5 }, color: { field: 'library', title: null, scale: { range: ['#2a78b5', '#c8761f', '#8a63c4', '#3d8f5f'] }, legend: { orient: 'bottom' } } } },
      { mark: { type: 'text', align: 'left', dx: 4, fontSize: 10 }, encoding: { text: { field: 'said' } } },
      { mark: { type: 'rule', strokeDash: [3, 3], color: '#808080' }, encoding: { x: { datum: 1 }, y: null, yOffset: null } },
    ],
    config: { view: { stroke: null }, axis: { domainColor: '#808080', tickColor: '#808080' } },
    padding: { left: 10, top: 10, right: 190, bottom: 10 },
  });
  const drawn = await new vega.View(vega.parse(spec), { renderer: 'none' }).toSVG();
  return drawn.replace('>', `>${STYLE}`);
}
