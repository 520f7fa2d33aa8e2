/** A chart by uPlot in a box, in the colours and the width that the page has at the moment. */

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

/** What the box's own style says. */
export interface Look {
  width: number;
  ink: string;
  line: string;
  fill: string;
  font: string;
}

/** What to draw. */
export interface Drawing {
  options: uPlot.Options;
  data: uPlot.AlignedData;
}

/** Draws again whenever colours change, and fits the box whenever its width does. */
export class Plot {
  readonly #box: HTMLElement;
  readonly #draw: (look: Look) => Drawing | undefined;
  #plot: uPlot | undefined;

  /** `draw` says what to draw, or nothing; the box's style says with which text, border and caret colour. */
  constructor(box: HTMLElement, draw: (look: Look) => Drawing | undefined) {
    this.#box = box;
    this.#draw = draw;
    // A canvas follows neither the style sheet nor the width of its column.
    for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)']) {
      matchMedia(query).addEventListener('change', () => this.draw());
    }
    new ResizeObserver(() => this.#fit()).observe(box);
  }

  /** Draws what there is to draw now. */
  draw(): void {
    this.#plot?.destroy();
    const { color: ink, borderTopColor: line, caretColor: fill, fontFamily } = getComputedStyle(this.#box);
    const drawing = this.#draw({ width: this.#box.clientWidth, ink, line, fill, font: `13px ${fontFamily}` });
    this.#plot = drawing && new uPlot(drawing.options, drawing.data, this.#box);
  }

  /** Draws other data in the chart that is there; draws it if there is none. */
  redraw(data: uPlot.AlignedData): void {
    if (this.#plot === undefined) this.draw();
    else this.#plot.setData(data);
  }

  #fit(): void {
    const { clientWidth: width } = this.#box;
    if (this.#plot !== undefined && width > 0 && this.#plot.width !== width) this.#plot.setSize({ width, height: this.#plot.height });
  }
}
