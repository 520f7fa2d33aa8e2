/** The view of this device: how fast the models are here, and what is kept of the page. Loaded after the first answer. */

import '../style/views.css';
import './device.css';
import { Classifier, type Progress } from 'stillglass/client';
import { byId, make, within } from '../dom.ts';
import type { Entry } from '../entry.ts';
import { bytes, messageOf, sentence } from '../format.ts';
import type { State } from '../offline.ts';
import { aboutDevice } from './about.ts';
import { onKept, showKept, type Actions } from './kept.ts';
import { CASES, measure, type Case } from './measure.ts';
import { asCsv, asText, type Measured } from './report.ts';
import { showMeasured } from './result.ts';

/** What this view needs of the page around it. */
export interface Host extends Actions {
  chosen: () => Entry | undefined;
  /** A model's bytes. */
  bundle: (entry: Entry) => Promise<Blob>;
  /** The bytes of a model's teacher, if they are in this tab. */
  teacherHere: (entry: Entry) => Blob | undefined;
  bringTeacher: (entry: Entry, signal: AbortSignal, received: (bytes: number) => void) => Promise<Blob>;
}

const button = byId<HTMLButtonElement>('measure');
const stopButton = byId<HTMLButtonElement>('measure-stop');
const panel = byId('measuring');
const choice = byId('with-teacher');
const withTeacher = within<HTMLInputElement>(choice, 'input');
const status = byId('device-status');

/** The view. There is one. */
export class ThisDevice {
  readonly #host: Host;
  #stop = new AbortController();
  #report: { measured: Measured[]; facts: [string, string][] } | undefined;

  constructor(host: Host) {
    this.#host = host;
    onKept(host);
    button.addEventListener('click', () => void this.#measure());
    stopButton.addEventListener('click', () => this.#stop.abort());
    byId('copy-times').addEventListener('click', () => void this.#copy(asText));
    byId('copy-times-csv').addEventListener('click', () => void this.#copy(asCsv));
  }

  /** Says what would be measured: the model in use, and its teacher if it has one. */
  show(): void {
    const entry = this.#host.chosen();
    const teacher = entry?.teacher;
    button.disabled = entry === undefined;
    byId('measure-note').replaceChildren(
      ...(entry === undefined
        ? ['No model is in use; choose one under Models.']
        : ['How long the ', make('bdi', {}, entry.name), ' model takes for one short text and for 32 of them, on the CPU and on the GPU. It takes some seconds, and the page stays free meanwhile.']),
    );
    choice.hidden = teacher === undefined;
    if (entry === undefined || teacher === undefined) return;
    const here = this.#host.teacherHere(entry) !== undefined;
    within(choice, 'span').textContent = here ? 'Measure its teacher too, which is here' : `Measure its teacher too: ${bytes(teacher.bytes)} to load, and about a minute`;
  }

  /** Shows what is kept of the page. */
  showKept(state: State): void {
    showKept(state);
  }

  async #measure(): Promise<void> {
    const entry = this.#host.chosen();
    if (entry === undefined) return;
    const { signal } = (this.#stop = new AbortController());
    const measured: Measured[] = [];
    const both = !choice.hidden && withTeacher.checked;
    byId('device-problem').replaceChildren();
    this.#begin();
    try {
      await this.#student(entry, measured, both ? 2 : 1, signal);
      if (both) await this.#teacher(entry, measured, signal);
    } catch (error) {
      if (!signal.aborted) this.#refuse(error);
    }
    await this.#end(entry.name, measured, !signal.aborted);
  }

  async #student(entry: Entry, measured: Measured[], models: number, signal: AbortSignal): Promise<void> {
    this.#tell(`Opening ${entry.name}…`, { done: 0, total: models * CASES.length });
    await this.#model(entry.name, this.#host.bundle(entry), { measured, before: 0, models, signal });
  }

  async #teacher(entry: Entry, measured: Measured[], signal: AbortSignal): Promise<void> {
    const total = entry.teacher?.bytes ?? 0;
    const received = (here: number) => this.#tell(`Loading the teacher: ${bytes(here)} of ${bytes(total)}`);
    const bundle = await this.#host.bringTeacher(entry, signal, received);
    await this.#model(`${entry.name}, teacher`, Promise.resolve(bundle), { measured, before: CASES.length, models: 2, signal });
  }

  /** Measures every case of a model in a worker of its own, so that its memory is its own too. */
  async #model(name: string, bundle: Promise<Blob>, run: { measured: Measured[]; before: number; models: number; signal: AbortSignal }): Promise<void> {
    const { measured, before, models, signal } = run;
    const classifier = await Classifier.load(bundle, { signal });
    try {
      const model: Measured = { name, memory: classifier.memoryBytes, outcomes: [] };
      measured.push(model);
      for (const [at, step] of CASES.entries()) {
        this.#tell(`Measuring ${name}: ${described(step)}`, { done: before + at, total: models * CASES.length });
        model.outcomes.push(await measure(classifier, step, signal));
      }
    } finally {
      await classifier.dispose();
    }
  }

  #begin(): void {
    button.hidden = true;
    withTeacher.disabled = true;
    panel.hidden = false;
    stopButton.focus();
    status.textContent = 'Measuring has begun.';
  }

  #tell(text: string, progress?: Progress): void {
    within(panel, '.figures').textContent = text;
    if (progress === undefined) return;
    const bar = within<HTMLProgressElement>(panel, 'progress');
    bar.max = progress.total;
    bar.value = progress.done;
  }

  async #end(name: string, measured: Measured[], whole: boolean): Promise<void> {
    const known = measured.filter(({ outcomes }) => outcomes.length > 0);
    const facts = await aboutDevice(new Date());
    panel.hidden = true;
    button.hidden = false;
    withTeacher.disabled = false;
    this.show();
    if (known.length > 0) {
      this.#report = { measured: known, facts };
      showMeasured(name, known, facts, whole);
      byId('measured-title').focus();
    } else button.focus();
    status.textContent = whole ? 'Measured; the table has the times.' : 'Stopped.';
  }

  async #copy(write: typeof asText): Promise<void> {
    if (this.#report === undefined) return;
    try {
      await navigator.clipboard.writeText(write(this.#report.measured, this.#report.facts));
      status.textContent = 'Copied.';
    } catch {
      this.#refuse(new Error('the browser did not let the page copy; select the table and copy it yourself'));
    }
  }

  #refuse(error: unknown): void {
    const detail = sentence(messageOf(error));
    byId('device-problem').replaceChildren(make('p', { class: 'problem-title' }, 'That did not work'), make('p', {}, detail));
  }
}

function described({ texts, backend }: Case): string {
  return `${texts === 1 ? 'one text' : `${texts} texts`} on the ${backend.toUpperCase()}`;
}
