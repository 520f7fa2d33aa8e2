/** Deletion and insertion beside random orders: drawn when asked for, with their figures as tables. */

import type { Classification } from 'stillglass';
import { curves, type Curves } from 'stillglass/metrics';
import type { Answer } from '../answer/answer.ts';
import { areas, band, points, verdict } from '../answer/order.ts';
import { byId, make, within } from '../dom.ts';
import { title } from '../format.ts';
import { asRead } from '../texts.ts';
import { Plot, type Drawing, type Look } from './plot.ts';
import { Task, type Tell } from './task.ts';
import type { Host } from './tools.ts';

/** Random orders, and the most steps from no word to all: some 460 texts together. */
const DRAWN = { orders: 20, steps: 20 };

/** Of the chart, in CSS pixels. */
const HEIGHT = 240;

const says = byId('curves-says');
const panel = byId('curves-shown');

/** The tool; its curves go when the text or the class does. */
export class CurvesTool {
  readonly #host: Host;
  readonly #task: Task;
  readonly #plot = new Plot(byId('curves-chart'), (look) => this.#curves && drawing(this.#curves, look));
  #answer: Answer | undefined;
  #curves: Curves | undefined;

  constructor(host: Host) {
    this.#host = host;
    byId('curves-note').textContent =
      'The student reads the text with only its strongest words for the class, then with only the others, a few more words at each step, ' +
      `and ${DRAWN.orders} times with words in a random order: at most ${DRAWN.steps} steps each, several words a step in a long text.`;
    this.#task = new Task(byId<HTMLButtonElement>('curves-start'), (signal, tell) => this.#compute(signal, tell), (message) => (says.textContent = message));
  }

  /** Turns to an answer and a class of it. */
  show(answer: Answer | undefined): void {
    const same = answer?.student.result === this.#answer?.student.result && answer?.label === this.#answer?.label;
    this.#answer = answer;
    if (!same) this.#clear();
  }

  #clear(): void {
    this.#task.stop();
    this.#curves = undefined;
    says.replaceChildren();
    panel.hidden = true;
  }

  async #compute(signal: AbortSignal, tell: Tell): Promise<void> {
    const answer = this.#answer;
    if (answer === undefined) return;
    // What is given has been cut to what was read, each of several texts for itself.
    const whole = ({ truncated: _, ...rest }: Classification): Classification => rest;
    const model = { classifyAll: async (texts: string[]) => (await this.#host.ask.Student(texts, signal)).map(whole) };
    const { label, student } = answer;
    const { text, words } = asRead(answer.text, student.result, student.words);
    const onProgress = ({ done, total }: { done: number; total: number }) => tell(done, total);
    const found = await curves(model, text, { ...DRAWN, label, words, onProgress });
    if (!signal.aborted) this.#show(found);
  }

  #show(found: Curves): void {
    this.#curves = found;
    says.textContent = verdict(found);
    byId('curves-axis').replaceChildren(
      `Probability of ${title(found.label)}, by the share of the words that are left. `,
      key('insertion', 'strongest words alone'),
      key('deletion', 'strongest words gone'),
      key('band', 'four of five random orders'),
    );
    within(byId('curves-areas'), 'tbody').replaceChildren(
      ...areas(found).map(({ name, area }) => make('tr', {}, make('th', { scope: 'row' }, name), make('td', {}, area))),
    );
    tabulate(found);
    panel.hidden = false;
    this.#plot.draw();
  }
}

function key(line: string, name: string): HTMLElement {
  return make('span', { class: 'curves-key' }, make('span', { class: `key-line ${line}`, 'aria-hidden': 'true' }), name);
}

function tabulate(found: Curves): void {
  const table = byId('curves-points');
  const heads = ['Words left', 'Strongest alone', 'Random', 'Strongest gone'].map((name) => make('th', { scope: 'col' }, name));
  within(table, 'thead').replaceChildren(make('tr', {}, ...heads));
  const rows = points(found).map(([kept = '', ...rest]) => make('tr', {}, make('th', { scope: 'row' }, kept), ...rest.map((cell) => make('td', {}, cell))));
  within(table, 'tbody').replaceChildren(...rows);
}

/** Two lines that differ in their dashes, over a band. */
function drawing(found: Curves, { width, ink, line, fill, font }: Look): Drawing {
  const { kept, insertion, deletion } = found;
  const { low, high } = band(found);
  const words = Math.max(1, kept.at(-1) ?? 0);
  const axis = { font, stroke: ink, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  const percents = (_: unknown, splits: number[]) => splits.map((split) => `${Math.round(split * 100)}%`);
  const hidden = { width: 0, points: { show: false } };
  return {
    options: {
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      padding: [12, 20, 0, 0],
      scales: { x: { time: false, range: [0, 1] }, y: { range: [0, 1] } },
      axes: [
        { ...axis, size: 30, space: 60, values: percents },
        { ...axis, size: 52, space: 40, values: percents },
      ],
      series: [{}, hidden, hidden, { stroke: ink, width: 2.5, points: { show: false } }, { stroke: ink, width: 2, dash: [7, 5], points: { show: false } }],
      bands: [{ series: [1, 2], fill }],
    },
    data: [kept.map((count) => count / words), high, low, insertion.probabilities, deletion.probabilities],
  };
}
