/** The teacher beside a student: brought when asked for, and asked about a text once typing pauses. No DOM here. */

import { StillglassError, type Answer, type ModelInfo, type Progress, type fetchBundle } from 'stillglass/client';
import type { Entry } from './entry.ts';
import type { Opened, Reading } from './opened.ts';

/** What the teacher is at. */
export type State =
  /** The model has none here. */
  | { at: 'absent' }
  /** It may be asked for; `bytes` is what that brings, nothing once it is in this tab. */
  | { at: 'offered'; bytes: number }
  | { at: 'loading'; bytes: number; received: number }
  /** It is here and has nothing to read, or waits for typing to pause. */
  | { at: 'waiting' }
  /** It explains `text`; its answer comes first. */
  | { at: 'reading'; text: string; answer?: Reading; progress?: Progress }
  /** It was stopped before it had explained. */
  | { at: 'stopped'; text: string; answer?: Reading }
  | { at: 'done'; text: string; reading: Reading }
  /** It could not be brought, or could not explain `text`. */
  | { at: 'failed'; text?: string; error: unknown };

/** A teacher that is open. */
type Here = Pick<Opened, 'classify' | 'classifyAll' | 'end' | 'info'>;

/** What brings a teacher's bytes, what opens them in a worker, and what forgets stored ones that cannot be read. */
export interface Means {
  fetch: typeof fetchBundle;
  open: (source: string, bundle: Promise<Blob>) => Promise<Here>;
  forget: (source: string) => Promise<void>;
}

/** Brings, asks and puts away a teacher. One thing at a time: what is begun ends what was under way. */
export class Teacher {
  readonly #means: Means;
  readonly #changed: () => void;
  readonly #bundles = new Map<Entry, Blob>();
  #entry: Entry | undefined;
  #opened: Here | undefined;
  #state: State = { at: 'absent' };
  #underWay = new AbortController();

  /** `changed` hears of every new state. */
  constructor(means: Means, changed: () => void) {
    this.#means = means;
    this.#changed = changed;
  }

  /** What it is at now. */
  get state(): State {
    return this.#state;
  }

  /** Puts away what was there, and offers this model's teacher. */
  offer(entry: Entry): void {
    this.#entry = entry;
    this.putAway();
  }

  /** Brings the teacher into this tab and opens it; it must tell the student's classes apart, and read what that does. */
  async bring(student: Student): Promise<void> {
    const entry = this.#entry;
    if (entry?.teacher === undefined) return;
    const { source, bytes } = entry.teacher;
    const signal = this.#begin({ at: 'loading', bytes, received: 0 });
    const onProgress = ({ loaded }: { loaded: number }) => {
      if (!signal.aborted) this.#become({ at: 'loading', bytes, received: loaded });
    };
    await this.#guarded(signal, undefined, async () => {
      const here = this.#bundles.get(entry) ?? (await this.#means.fetch(source, { signal, onProgress }));
      // Stopped as the last byte came: there is nobody to open it for.
      signal.throwIfAborted();
      this.#bundles.set(entry, here);
      const opened = await this.#open(source, here, student);
      // Put away while it was opened.
      if (signal.aborted) opened.end();
      else this.#opened = opened;
      return { at: 'waiting' };
    });
  }

  /** The bytes of a model's teacher, if they have been brought. */
  bytesOf(entry: Entry): Blob | undefined {
    return this.#bundles.get(entry);
  }

  /** Keeps the bytes of a model's teacher that were brought for something else. */
  keep(entry: Entry, bundle: Blob): void {
    this.#bundles.set(entry, bundle);
    if (this.#entry === entry && this.#state.at === 'offered') this.#become({ at: 'offered', bytes: 0 });
  }

  /** Drops what is about another text than this one. */
  turnTo(text: string): void {
    if (this.here && textOf(this.#state) !== text) this.#begin({ at: 'waiting' });
  }

  /** Answers and explains a text. */
  async read(text: string): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined || !this.here) return;
    const signal = this.#begin({ at: 'reading', text });
    await this.#guarded(signal, text, async () => {
      const answer = await opened.classify(text, { signal });
      if (!signal.aborted) this.#become({ at: 'reading', text, answer });
      const onProgress = (progress: Progress) => {
        if (!signal.aborted) this.#become({ at: 'reading', text, answer, progress });
      };
      const reading = await opened.classify(text, { explain: true, signal, onProgress });
      return { at: 'done', text, reading };
    });
  }

  /** Classifies texts beside what it reads; nothing if it is not here. */
  async ask(texts: string[], signal: AbortSignal, labels?: readonly string[]): Promise<Answer[]> {
    return (await this.#opened?.classifyAll(texts, { signal }, labels)) ?? [];
  }

  /** Stops what is under way: what was loading is offered again, what was read stays unexplained. */
  stop(): void {
    if (this.#state.at === 'loading') this.putAway();
    if (this.#state.at !== 'reading') return;
    const { text, answer } = this.#state;
    this.#begin({ at: 'stopped', text, ...(answer && { answer }) });
  }

  /** Gives the teacher's memory back. Its bytes stay where the browser keeps them, out of memory if need be. */
  putAway(): void {
    this.#opened?.end();
    this.#opened = undefined;
    const entry = this.#entry;
    const bytes = entry === undefined || this.#bundles.has(entry) ? 0 : (entry.teacher?.bytes ?? 0);
    this.#begin(entry?.teacher === undefined ? { at: 'absent' } : { at: 'offered', bytes });
  }

  /** Whether the teacher is open. */
  get here(): boolean {
    return this.#state.at === 'waiting' || textOf(this.#state) !== undefined;
  }

  async #open(source: string, bundle: Blob, student: Student): Promise<Here> {
    try {
      const opened = await this.#means.open(source, Promise.resolve(bundle));
      const unfit = unfitness(opened.info, student);
      if (unfit === undefined) return opened;
      opened.end();
      throw new StillglassError('bad-bundle', unfit);
    } catch (error) {
      // The bytes themselves are what is wrong, and whoever keeps them would give them again.
      if (error instanceof StillglassError && error.code === 'bad-bundle') await this.#means.forget(source);
      throw error;
    }
  }

  #begin(state: State): AbortSignal {
    this.#underWay.abort();
    this.#underWay = new AbortController();
    this.#become(state);
    return this.#underWay.signal;
  }

  async #guarded(signal: AbortSignal, text: string | undefined, work: () => Promise<State>): Promise<void> {
    try {
      const state = await work();
      if (!signal.aborted) this.#become(state);
    } catch (error) {
      if (signal.aborted) return;
      // The bytes themselves may be what is wrong.
      if (text === undefined && this.#entry !== undefined) this.#bundles.delete(this.#entry);
      this.#become({ at: 'failed', ...(text !== undefined && { text }), error });
    }
  }

  #become(state: State): void {
    this.#state = state;
    this.#changed();
  }
}

/** What a teacher has to be like. */
export interface Student {
  labels: readonly string[];
  pairs: boolean;
  choices: boolean;
}

/** Why a bundle cannot be the teacher of such a student; nothing if it can. */
function unfitness({ kind, labels, pairs, choices }: Pick<ModelInfo, 'kind' | 'labels' | 'pairs' | 'choices'>, student: Student): string | undefined {
  const wanted = student.labels;
  if (kind !== 'teacher') return 'its file holds a student, not a teacher';
  if (pairs !== student.pairs) return `it reads ${pairs ? 'pairs of texts' : 'single texts'}, the student ${student.pairs ? 'pairs' : 'single ones'}`;
  if (choices !== student.choices) return `it ${choices ? 'chooses' : 'does not choose'} among answers, the student ${student.choices ? 'does' : 'does not'}`;
  const same = labels.length === wanted.length && labels.every((label) => wanted.includes(label));
  return same ? undefined : `its classes are ${labels.join(', ')}, the student’s ${wanted.join(', ')}`;
}

/** The text that a state is about. */
function textOf(state: State): string | undefined {
  return 'text' in state ? state.text : undefined;
}
