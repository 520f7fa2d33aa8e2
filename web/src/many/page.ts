/** The view of many texts: a file in, labels, counts and words out. Loaded when somebody turns to it. */

import './many.css';
import { proxy, wrap } from 'comlink';
import { byId, make } from '../dom.ts';
import { onFile } from '../dropped.ts';
import { count, duration, sentence } from '../format.ts';
import { download } from '../view/download.ts';
import type { Desk } from './desk.ts';
import type { FileKind } from './export.ts';
import type { Opening, Progress, Summary } from './protocol.ts';
import { nameModel, offerFile, onStart, withdraw, type Choice } from './view/choice.ts';
import { showCounts } from './view/counts.ts';
import { showDrivers } from './view/drivers.ts';
import { beginProgress, endProgress, onCancel, showProgress, speak } from './view/progress.ts';
import { Rows } from './view/rows.ts';

/** What this view needs of the page around it. */
export interface Host {
  /** The model that the reader chose, ready to be opened. */
  model: () => Promise<{ name: string; opening: Opening }>;
  /** Shows one text in the other view. */
  open: (text: string) => void;
}

/** The view. There is one, from when it is first turned to. */
export class ManyTexts {
  readonly #host: Host;
  readonly #desk = wrap<Desk>(new Worker(new URL('./desk.ts', import.meta.url), { type: 'module', name: 'desk' }));
  /** Once its workers are here: from then on it needs no network. */
  readonly ready: Promise<void> = this.#desk.ready();
  readonly #rows: Rows;
  #file: File | undefined;
  #reading = false;

  constructor(host: Host) {
    this.#host = host;
    this.#rows = new Rows({
      lines: (from, to) => this.#desk.lines(from, to),
      sort: (by, descending) => this.#desk.sort(by, descending),
      open: (row) => void this.#desk.text(row).then(host.open),
    });
    byId('drop').hidden = false;
    onFile(byId('drop'), () => !byId('many-texts').hidden, (file) => void this.#take(file));
    onStart((choice) => void this.#start(choice));
    onCancel(() => void this.#desk.cancel());
    for (const kind of ['csv', 'jsonl'] as const) {
      byId(`download-${kind}`).addEventListener('click', () => void this.#download(kind));
    }
  }

  /** Says which model reads the next file. */
  offer(name: string): void {
    nameModel(name);
  }

  async #take(file: File): Promise<void> {
    if (this.#reading) return this.#refuse('A file is being read', 'Stop it first, or wait until it is done.');
    byId('many-problem').replaceChildren();
    withdraw();
    try {
      const sample = await this.#desk.look(file);
      this.#file = file;
      offerFile(file.name, sample);
    } catch (error) {
      this.#refuse('This file could not be read', message(error));
    }
  }

  async #start(choice: Choice): Promise<void> {
    const file = this.#file;
    if (file === undefined || this.#reading) return;
    this.#reading = true;
    byId('many-problem').replaceChildren();
    withdraw();
    byId('results').hidden = true;
    beginProgress();
    try {
      const { name, opening } = await this.#host.model();
      const { columns, column, sample } = choice;
      const order = { file, layout: sample.layout, column, model: opening };
      const tell = (progress: Progress) => {
        showProgress(progress);
        this.#showSoFar(name, opening.labels, progress);
      };
      await this.#show(name, await this.#desk.read(order, columns, proxy(tell)));
    } catch (error) {
      this.#refuse('The file could not be read', message(error));
    } finally {
      this.#reading = false;
      endProgress();
    }
  }

  #showSoFar(name: string, labels: string[], { counts }: Progress): void {
    if (!this.#reading) return;
    for (const id of ['downloads', 'drivers', 'every-row', 'notes']) byId(id).hidden = true;
    byId('results').hidden = false;
    byId('results-title').textContent = `So far, by the ${name} model`;
    showCounts(labels, counts);
  }

  /** In three steps, so that none holds the page up. */
  async #show(name: string, summary: Summary): Promise<void> {
    const { labels, rows, problem } = summary;
    this.#reading = false;
    if (problem !== undefined) this.#refuse(rows === 0 ? 'Nothing could be read' : `Reading stopped after row ${count(rows)}`, problem);
    byId('results').hidden = rows === 0;
    if (rows === 0) {
      speak('No text was read.');
      return;
    }
    byId('downloads').hidden = false;
    byId('results-title').textContent = heading(name, summary);
    const notes = notesOn(summary).map((note) => make('li', {}, note));
    byId('notes').replaceChildren(...notes);
    byId('notes').hidden = notes.length === 0;
    showCounts(labels, summary.counts);
    // The button that had it is gone.
    byId('results-title').focus();
    await breath();
    showDrivers(labels, summary.drivers);
    await breath();
    byId('every-row').hidden = false;
    this.#rows.show(rows);
    speak(`${summary.cancelled ? 'Stopped' : 'Done'}: ${heading(name, summary)}.`);
  }

  async #download(kind: FileKind): Promise<void> {
    const name = (this.#file?.name ?? 'texts').replace(/\.[^.]*$/, '');
    download(`${name}.labelled.${kind}`, await this.#desk.download(kind));
  }

  #refuse(title: string, detail: string): void {
    byId('many-problem').replaceChildren(make('p', { class: 'problem-title' }, title), make('p', {}, sentence(detail)));
  }
}

/** Lets the page do what waits; no frame, for a tab in the background has none. */
function breath(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

function heading(name: string, { rows, seconds }: Summary): string {
  const rate = count(Math.round(rows / Math.max(seconds, 0.001)));
  return `${count(rows)} ${rows === 1 ? 'text' : 'texts'} by the ${name} model, in ${duration(seconds * 1000)} (${rate} a second)`;
}

/** What a reader of the results should know. */
function notesOn({ more, cancelled, rows, empty, cut, drivers, forgot }: Summary): string[] {
  const notes = [
    cancelled && 'You stopped it. What was read until then is here, and can be downloaded.',
    more && `The file has more rows: only the first ${count(rows)} were read.`,
    empty > 0 && `${count(empty)} ${empty === 1 ? 'row holds' : 'rows hold'} no text and got no label.`,
    cut > 0 && `${count(cut)} ${cut === 1 ? 'text was' : 'texts were'} longer than the model reads; the rest was left out.`,
    drivers === undefined && 'This model takes seconds to explain a text, so its words are not summed here.',
    forgot && 'The file has so many different words that rare ones were forgotten on the way; their counts may be low.',
  ];
  return notes.filter((note) => note !== false);
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
