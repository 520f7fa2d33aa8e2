/** Bars of counts, drawn by uPlot in the colours that the page has at the moment. */

import uPlot from 'uplot';
import { Plot, type Look } from '../../view/plot.ts';

/** Heights in CSS pixels: of a bar with the room around it, and of the scale below. */
const HEIGHT = { bar: 34, scale: 34 };

/** Names longer than this are cut in the chart; the table beside it has them whole. */
const LONGEST = 16;

/** A chart in a box; the box's own style says which colours: of text, border and caret. */
export class BarChart {
  readonly #plot: Plot;
  #names: readonly string[] = [];
  #counts: readonly number[] = [];

  constructor(box: HTMLElement) {
    this.#plot = new Plot(box, (look) => (this.#names.length === 0 ? undefined : { options: this.#options(look), data: this.#data() }));
  }

  /** Draws a bar for each name. */
  show(names: readonly string[], counts: readonly number[]): void {
    const same = names.length === this.#names.length && names.every((name, at) => name === this.#names[at]);
    this.#names = names;
    this.#counts = counts;
    if (same) this.#plot.redraw(this.#data());
    else this.#plot.draw();
  }

  #data(): uPlot.AlignedData {
    return [this.#names.map((_, at) => at), [...this.#counts]];
  }

  #options({ width, ink, line, fill: bar, font }: Look): uPlot.Options {
    const names = this.#names.map((name) => (name.length > LONGEST ? `${name.slice(0, LONGEST)}…` : name));
    const paths = uPlot.paths.bars?.({ size: [0.6, 18] });
    const room = 20 + 8 * Math.max(...names.map((name) => name.length));
    return {
      width,
      height: names.length * HEIGHT.bar + HEIGHT.scale,
      legend: { show: false },
      cursor: { show: false },
      padding: [0, 24, 0, 0],
      scales: {
        // From top to bottom, and from left to right.
        x: { time: false, ori: 1, dir: -1, range: [-0.5, names.length - 0.5] },
        y: { ori: 0, dir: 1, range: (_, __, most) => [0, Math.max(1, most)] },
      },
      axes: [
        { side: 3, size: room, font, stroke: ink, splits: () => names.map((_, at) => at), values: () => names, grid: { show: false }, ticks: { show: false } },
        {
          side: 2,
          size: HEIGHT.scale,
          font,
          stroke: ink,
          space: 70,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4],
          values: (_, splits) => splits.map((value) => value.toLocaleString('en')),
          grid: { stroke: line, width: 1 },
          ticks: { show: false },
        },
      ],
      series: [{}, { fill: bar, width: 0, ...(paths && { paths }), points: { show: false } }],
    };
  }
}
