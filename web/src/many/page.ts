/** The view of many texts: a file in, labels, counts and words out. Loaded when somebody turns to it. */

import './many.css';
import { proxy } from 'comlink';
import { byId, make } from '../dom.ts';
import { onFile } from '../dropped.ts';
import type { Entry } from '../entry.ts';
import { count, duration, messageOf, sentence } from '../format.ts';
import { download } from '../view/download.ts';
import type { Desk } from './desk.ts';
import type { FileKind } from './export.ts';
import { Mortal } from './mortal.ts';
import type { Opening, Progress, Summary } from './protocol.ts';
import { nameModel, offerFile, onStart, withdraw, type Choice } from './view/choice.ts';
import { showCounts } from './view/counts.ts';
import { showDrivers } from './view/drivers.ts';
import { beginProgress, endProgress, onCancel, showProgress, speak } from './view/progress.ts';
import { Rows } from './view/rows.ts';

/** What this view needs of the page around it. */
export interface Host {
  /** The model that the reader chose. */
  entry: () => Entry | undefined;
  /** That model, ready to be opened. */
  model: () => Promise<{ name: string; opening: Opening }>;
  /** Shows one text in the other view. */
  open: (text: string) => void;
}

/** The view. There is one, from when it is first turned to. */
export class ManyTexts {
  readonly #host: Host;
  readonly #rows: Rows;
  #desk = this.#hire();
  #file: File | undefined;
  /** The name of the file that the results are of. */
  #source = '';
  /** The reading under way, and what stops it. */
  #reading: AbortController | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#rows = new Rows({
      lines: (from, to) => this.#desk.ask((desk) => desk.lines(from, to)),
      sort: (by, descending) => this.#desk.ask((desk) => desk.sort(by, descending)),
      open: (row) => void this.#open(row),
      failed: (error) => this.#fail('The rows could not be shown', error),
    });
    byId('drop').hidden = false;
    onFile(byId('drop'), () => !byId('many-texts').hidden, (file) => void this.#take(file));
    onStart((choice) => void this.#start(choice));
    onCancel(() => this.#reading?.abort());
    for (const kind of ['csv', 'jsonl'] as const) {
      byId(`download-${kind}`).addEventListener('click', () => void this.#download(kind));
    }
  }

  /** Resolves once its workers are here: from then on it needs no network. Asked again, it calls those that did not come. */
  ready(): Promise<void> {
    return this.#living().ask((desk) => desk.ready());
  }

  /** Says which model reads the next file. */
  offer(entry: Entry): void {
    nameModel(entry);
  }

  #hire(): Mortal<Desk> {
    const worker = new Worker(new URL('./desk.ts', import.meta.url), { type: 'module', name: 'desk' });
    return new Mortal<Desk>(worker, 'the desk', (cause) => this.#lose(cause));
  }

  /** The desk, a fresh one if it is dead. */
  #living(): Mortal<Desk> {
    if (!this.#desk.dead) return this.#desk;
    this.#desk.end();
    return (this.#desk = this.#hire());
  }

  /** What the desk had is gone with it. */
  #lose(cause: Error): void {
    this.#file = undefined;
    withdraw();
    byId('results').hidden = true;
    this.#refuse('What reads files has stopped', `${cause.message}; choose the file again`);
  }

  async #take(file: File): Promise<void> {
    if (this.#reading) return this.#refuse('A file is being read', 'Stop it first, or wait until it is done.');
    byId('many-problem').replaceChildren();
    withdraw();
    try {
      const sample = await this.#living().ask((desk) => desk.look(file));
      this.#file = file;
      const entry = this.#host.entry();
      if (entry !== undefined) nameModel(entry);
      offerFile(file.name, sample);
    } catch (error) {
      this.#fail('This file could not be read', error);
    }
  }

  async #start(choice: Choice): Promise<void> {
    const file = this.#file;
    if (file === undefined || this.#reading) return;
    const reading = (this.#reading = new AbortController());
    byId('many-problem').replaceChildren();
    withdraw();
    byId('results').hidden = true;
    this.#source = file.name;
    beginProgress();
    try {
      await this.#read(file, choice, reading.signal);
    } catch (error) {
      if (error === reading.signal.reason) speak('Stopped. No text was read.');
      else this.#fail('The file could not be read', error);
    } finally {
      this.#reading = undefined;
      endProgress();
    }
  }

  /** Throws the signal's reason if it is stopped before the desk has begun; from then on the desk ends it. */
  async #read(file: File, { columns, column, sample }: Choice, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { name, opening } = await this.#host.model();
    signal.throwIfAborted();
    const order = { file, layout: sample.layout, column, model: opening };
    let ended = false;
    const tell = (progress: Progress) => {
      if (ended) return;
      showProgress(progress);
      this.#showSoFar(name, opening.labels, progress);
    };
    const desk = this.#desk;
    // A desk that is dead reads no more, and has told so.
    signal.addEventListener('abort', () => void desk.ask((remote) => remote.cancel()).catch(() => undefined));
    const summary = await desk.ask((remote) => remote.read(order, columns, proxy(tell)));
    ended = true;
    await this.#show(name, summary);
  }

  #showSoFar(name: string, labels: string[], { counts }: Progress): void {
    for (const id of ['downloads', 'drivers', 'every-row', 'notes']) byId(id).hidden = true;
    byId('results').hidden = false;
    byId('results-title').textContent = `So far, by the ${name} model`;
    showCounts(labels, counts);
  }

  /** In three steps, so that none holds the page up. */
  async #show(name: string, summary: Summary): Promise<void> {
    const { labels, rows, problem } = summary;
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

  async #open(row: number): Promise<void> {
    try {
      this.#host.open(await this.#desk.ask((desk) => desk.text(row)));
    } catch (error) {
      this.#fail('The text could not be opened', error);
    }
  }

  async #download(kind: FileKind): Promise<void> {
    const name = this.#source.replace(/\.[^.]*$/, '');
    try {
      download(`${name}.labelled.${kind}`, await this.#desk.ask((desk) => desk.download(kind)));
    } catch (error) {
      this.#fail('The download could not be made', error);
    }
  }

  /** Tells what went wrong, unless it is that the desk died, which is told already. */
  #fail(title: string, error: unknown): void {
    if (!this.#desk.dead) this.#refuse(title, messageOf(error));
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
