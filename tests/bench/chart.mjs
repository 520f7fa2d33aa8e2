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

/** Parts that the tables alone have. */
const LEFT_OUT = /^(slowed|native)/;
const COLORS = ['#2a78b5', '#c8761f'];
const GREY = '#808080';

export async function svg(result) {
  const compared = comparisons(result).filter(({ name }) => !LEFT_OUT.test(name));
  const values = compared.map(({ title, unit, mine, other, times }) => {
    const library = other.system.replace(/ (f32|u8|i8)$/, '');
    const said = `${figure(times)}×  (${figure(mine.value)} and ${figure(other.value)} ${unit})`;
    return { row: `${title}|${library}`, library, times, end: Math.max(times, 1), said };
  });
  const { spec } = lite.compile({
    title: { text: 'How many times as much others take as Stillglass', anchor: 'start' },
    data: { values },
    width: 420,
    height: { step: 20 },
    encoding: {
      y: { field: 'row', type: 'nominal', sort: null, title: null, axis: { labelExpr: "split(datum.label, '|')[0]", labelLimit: 420, ticks: false } },
      x: { field: 'times', type: 'quantitative', scale: { type: 'log', nice: false }, title: 'times as much, on a logarithmic scale', axis: { grid: false, format: '~r' } },
    },
    layer: [
      {
        // From 1, to the left where the other takes less.
        mark: 'bar',
        encoding: { x2: { datum: 1 }, color: { field: 'library', title: null, scale: { range: COLORS }, legend: { orient: 'bottom' } } },
      },
      { mark: { type: 'text', align: 'left', dx: 4, fontSize: 10 }, encoding: { x: { field: 'end', type: 'quantitative' }, text: { field: 'said' } } },
      { mark: { type: 'rule', color: GREY }, encoding: { x: { datum: 1 }, y: null } },
    ],
    config: { view: { stroke: null }, axis: { domainColor: GREY, tickColor: GREY } },
  });
  const drawn = await new vega.View(vega.parse(spec), { renderer: 'none' }).toSVG();
  return drawn.replace('>', `>${STYLE}`);
}
