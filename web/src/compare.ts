/** The words on the page: the student's, and beside them the teacher's for those who ask. */

import { fetchBundle, type Answer as Result, type ModelInfo, type Reason, type Word } from 'stillglass/client';
import { agreement, atOdds, besides } from './agreement.ts';
import type { Answer, Reader } from './answer/answer.ts';
import { Removal } from './answer/removal.ts';
import { byId } from './dom.ts';
import type { Entry } from './entry.ts';
import { centredWords, fullColour, rows } from './explain.ts';
import { forgetStored } from './offline.ts';
import { Opened, type Reading } from './opened.ts';
import { inOne, type Names } from './texts.ts';
import { Teacher, type State } from './teacher.ts';
import { clearAgreement, showAgreement } from './view/agreement.ts';
import { showNumbers } from './view/numbers.ts';
import { onTeacher, showAnswers, showBeside, showState } from './view/teacher.ts';
import { Sheet } from './view/words.ts';

/** A student's reading and the class whose words are shown. */
export interface Shown {
  reading: Reading;
  words: readonly Word[];
  label: string;
  labels: readonly string[];
  /** What the texts are called, if it is several. */
  names?: Names | undefined;
  /** What its teacher must be like. */
  model: Pick<ModelInfo, 'labels' | 'pairs' | 'choices'>;
}

/** The teacher's words for the same text, the scale of both, and where they are at odds. */
interface Compared {
  reading: Reading;
  words: Word[];
  full: number;
  odds: Set<number>;
}

const section = byId('why');

/** Shows words, and everything about the teacher. */
export class Comparison {
  readonly #teacher = new Teacher({ fetch: fetchBundle, open: Opened.open, forget: forgetStored }, () => this.#follow());
  readonly #bringing: (now: boolean) => void;
  readonly #changed: () => void;
  /** The words taken out of the text that is shown. */
  readonly removal = new Removal(() => this.#mark());
  readonly #ours = new Sheet(byId('words'), 'Words', (start) => this.removal.toggle(start));
  readonly #theirs = new Sheet(byId('teacher-words'), 'The teacher’s words', (start) => this.removal.toggle(start));
  #model = '';
  #shown: Shown | undefined;
  #said: { text: string; reason: Reason | undefined } | undefined;
  #before: State = this.#teacher.state;

  /**
   * `bringing` hears when a teacher begins to be brought, and when that has ended; `changed` when the
   * answer is another, or the words taken out of it are.
   */
  constructor(bringing: (now: boolean) => void, changed: () => void) {
    this.#bringing = bringing;
    this.#changed = changed;
    onTeacher(
      () => this.#toggle(),
      () => this.#again(),
    );
  }

  /** Offers a model's teacher, if it has one. */
  offer(entry: Entry): void {
    this.#model = entry.id;
    this.#teacher.offer(entry);
  }

  /** The bytes of a model's teacher, if they are in this tab. */
  teacherOf(entry: Entry): Blob | undefined {
    return this.#teacher.bytesOf(entry);
  }

  /** Brings them, for the comparison as well. */
  async bringTeacher(entry: Entry, signal: AbortSignal, received: (bytes: number) => void): Promise<Blob> {
    const here = this.#teacher.bytesOf(entry);
    if (here !== undefined || entry.teacher === undefined) return here ?? Promise.reject(new Error('this model has no teacher here'));
    const bundle = await fetchBundle(entry.teacher.source, { signal, onProgress: ({ loaded }) => received(loaded) });
    this.#teacher.keep(entry, bundle);
    return bundle;
  }

  /** Shows a student's words; what the teacher made of another text goes. */
  show(shown: Shown): void {
    this.#shown = shown;
    section.hidden = false;
    this.#teacher.turnTo(shown.reading.text);
    this.removal.turnTo(this.#model, shown.reading.text);
    this.#draw();
  }

  /** What is shown, for what else can be done with it. */
  get answer(): Answer | undefined {
    if (this.#shown === undefined) return undefined;
    const { reading, words, label, labels, names } = this.#shown;
    const compared = this.#compared(this.#shown);
    const reader = (name: Reader['name'], { result }: Reading, own: readonly Word[]): Reader => ({ name, result, words: own });
    return {
      text: reading.text,
      names,
      label,
      labels,
      student: reader('Student', reading, words),
      teacher: compared && reader('Teacher', compared.reading, compared.words),
      reason: this.#said?.text === reading.text ? this.#said.reason : undefined,
      full: compared?.full ?? fullColour(words),
      atOdds: compared?.odds ?? new Set(),
    };
  }

  /** Shows what need not follow every letter: the numbers, and what the teacher makes of the text. */
  settle(): void {
    const shown = this.#shown;
    if (shown === undefined) return;
    this.#tabulate(shown);
    if (this.#teacher.state.at === 'waiting') void this.#teacher.read(shown.reading.text);
  }

  /** Asks the teacher about other texts, if it is here. */
  askTeacher(texts: string[], signal: AbortSignal): Promise<Result[]> {
    return this.#teacher.ask(texts, signal, this.#shown?.labels);
  }

  /** Marks where a part of the student's reason looked: a share for each of its words; nothing takes the marks away. */
  look(attention: readonly number[] | undefined): void {
    this.#ours.look(attention);
  }

  /** Keeps the student's reason for a text, or that it has none, for what else can be done with the answer. */
  said(text: string, reason: Reason | undefined): void {
    if (this.#said?.text === text && this.#said.reason === reason) return;
    this.#said = { text, reason };
    if (reason !== undefined) this.#changed();
  }

  /** Shows no words. */
  clear(): void {
    this.#shown = undefined;
    section.hidden = true;
    this.#teacher.turnTo('');
    this.removal.turnTo('', '');
    this.#changed();
  }

  #mark(): void {
    this.#ours.mark(this.removal.removed);
    this.#theirs.mark(this.removal.removed);
    this.#changed();
  }

  #toggle(): void {
    const { at } = this.#teacher.state;
    if (at === 'loading') this.#teacher.stop();
    else if (this.#teacher.here) this.#teacher.putAway();
    else if (this.#shown !== undefined) void this.#teacher.bring(this.#shown.model);
  }

  #again(): void {
    if (this.#teacher.state.at === 'reading') this.#teacher.stop();
    else if (this.#shown !== undefined) void this.#teacher.read(this.#shown.reading.text);
  }

  /** Keeps the page in step with the teacher. */
  #follow(): void {
    const [before, now] = [this.#before, this.#teacher.state];
    this.#before = now;
    showState(now);
    if (before.at === now.at && answerOf(before) === answerOf(now)) return;
    if ((before.at === 'loading') !== (now.at === 'loading')) this.#bringing(now.at === 'loading');
    this.#draw();
    if (this.#shown === undefined) return;
    if (before.at === 'loading' && now.at === 'waiting') void this.#teacher.read(this.#shown.reading.text);
    if (before.at === 'done' || now.at === 'done') this.#tabulate(this.#shown);
  }

  #draw(): void {
    if (this.#shown === undefined) return;
    const { reading, words, label, names } = this.#shown;
    const compared = this.#compared(this.#shown);
    const beside = this.#teacher.here;
    const view = ({ text, result }: Reading, own: readonly Word[], name: string, other: readonly Word[] | undefined) => {
      const known = compared && other && { name, words: other, atOdds: compared.odds };
      return { text, names, words: own, label, ends: result.ends, other: known, removed: this.removal.removed };
    };
    this.#ours.show(view(reading, words, 'teacher', compared?.words), compared?.full);
    if (compared === undefined) this.#theirs.showPlain(beside ? inOne(reading.text) : '');
    else this.#theirs.show(view(compared.reading, compared.words, 'student', words), compared.full);
    showBeside(beside);
    showAnswers(reading, answerOf(this.#teacher.state));
    if (compared === undefined) clearAgreement();
    else showAgreement(agreement(words, compared.words, label), compared.odds.size);
    this.#changed();
  }

  #tabulate(shown: Shown): void {
    const { reading, words, label: chosen, labels, names } = shown;
    const compared = this.#compared(shown);
    const ours = rows(reading.result, words, labels);
    const both = compared && besides(ours, rows(compared.reading.result, compared.words, labels), labels.length);
    showNumbers({
      rows: both ?? ours,
      labels,
      text: reading.text,
      names,
      chosen,
      models: both === undefined ? ['Student'] : ['Student', 'Teacher'],
      atOdds: compared?.odds ?? new Set(),
    });
  }

  #compared({ reading, words, label }: Shown): Compared | undefined {
    const state = this.#teacher.state;
    if (state.at !== 'done' || state.text !== reading.text) return undefined;
    const other = centredWords(state.reading.result.words ?? []);
    const full = fullColour([...words, ...other]);
    return { reading: state.reading, words: other, full, odds: atOdds(words, other, label, full) };
  }
}

/** The teacher's answer, explained or not yet. */
function answerOf(state: State): Reading | undefined {
  if (state.at === 'done') return state.reading;
  return state.at === 'reading' || state.at === 'stopped' ? state.answer : undefined;
}
