/** How the probabilities move when words are taken out. */

import type { Classification } from 'stillglass';
import { readers, type Answer, type Reader } from '../answer/answer.ts';
import { moves, wordsOut, type Move } from '../answer/removal.ts';
import { withoutWords } from '../answer/without.ts';
import { byId, make, within } from '../dom.ts';
import { messageOf, percent, sentence, title } from '../format.ts';
import { named } from './summary.ts';
import type { Host } from './tools.ts';

/** How many words are named, before they are only counted. */
const NAMED = 3;

const says = byId('moved-says');
const table = byId<HTMLTableElement>('moved-table');
const putBack = byId<HTMLButtonElement>('put-back');

/** Asks what the models say without the words, and shows it beside what they said. */
export class Moved {
  readonly #host: Host;
  #asked = '';
  #text: string | undefined;
  #underWay = new AbortController();
  #after: Map<Reader['name'], Classification> = new Map();

  constructor(host: Host) {
    this.#host = host;
    putBack.addEventListener('click', () => {
      // The button goes, and the focus it had with it to the words.
      within(byId('words'), '[role=option][tabindex="0"]').focus();
      host.removal.set([]);
    });
  }

  /** What each model says without the words; whoever has not answered is missing. */
  get after(): ReadonlyMap<Reader['name'], Classification> {
    return this.#after;
  }

  /** Shows an answer without some of its words; nothing, if none is out. */
  show(answer: Answer | undefined, removed: ReadonlySet<number>): void {
    const asked = answer === undefined || removed.size === 0 ? '' : JSON.stringify([answer.text, answer.label, [...removed], answer.teacher !== undefined]);
    const same = answer?.text === this.#text;
    if (asked === this.#asked && same) return;
    this.#text = answer?.text;
    this.#asked = asked;
    this.#underWay.abort();
    this.#after = new Map();
    if (answer === undefined || asked === '') {
      clear(same ? 'All words are back.' : '');
    } else {
      this.#underWay = new AbortController();
      void this.#ask(answer, removed, this.#underWay.signal);
    }
  }

  /** The teacher takes longer, and the student's figures do not wait for it. */
  async #ask(answer: Answer, removed: ReadonlySet<number>, signal: AbortSignal): Promise<void> {
    try {
      for (const reader of readers(answer)) {
        const text = withoutWords(answer.text, reader.result, wordsOut(reader.words, removed));
        const [after] = await this.#host.ask[reader.name]([text], signal);
        if (signal.aborted) return;
        if (after !== undefined) this.#after.set(reader.name, after);
        this.#draw(answer, removed);
      }
    } catch (error) {
      if (!signal.aborted) clear(sentence(messageOf(error)));
    }
  }

  #draw(answer: Answer, removed: ReadonlySet<number>): void {
    const company = readers(answer);
    const head = company.map(({ name }) => make('th', { scope: 'col' }, company.length === 1 ? 'Before → without' : name));
    within(table, 'thead tr').replaceChildren(make('th', { scope: 'col' }, 'Class'), ...head);
    const columns = company.map(({ name, result }) => {
      const after = this.#after.get(name);
      return after && moves(answer.labels, result, after);
    });
    const rows = answer.labels.map((label, at) =>
      make(
        'tr',
        { class: label === answer.label ? 'chosen' : '' },
        make('th', { scope: 'row', dir: 'auto' }, title(label)),
        ...columns.map((column) => cell(column?.[at])),
      ),
    );
    within(table, 'tbody').replaceChildren(...rows);
    table.hidden = false;
    putBack.hidden = false;
    const after = this.#after.get('Student');
    if (after !== undefined) says.replaceChildren(...told(answer, wordsOut(answer.student.words, removed).map(({ text }) => text), after));
  }
}

/** `Without “a” and “b”, bullish falls from 84% to 42%, and the label turns to neutral.` */
function told({ label, student }: Answer, words: readonly string[], after: Classification): (Node | string)[] {
  const [was, now] = [student.result.scores[label] ?? 0, after.scores[label] ?? 0];
  const move =
    percent(was) === percent(now) ? `stays at ${percent(now)}` : `${now < was ? 'falls' : 'rises'} from ${percent(was)} to ${percent(now)}`;
  const turned = after.label === student.result.label ? '.' : `, and the label turns to ${after.label}.`;
  return ['Without ', ...named(words, NAMED), `, ${label} ${move}${turned}`];
}

/** Both probabilities as figures, and as a bar with a mark where it began. */
function cell(move: Move | undefined): HTMLElement {
  if (move === undefined) return make('td', {}, '–');
  const { before, after } = move;
  const bar = make('span', { class: 'moved-bar', 'aria-hidden': 'true' }, make('span', { class: 'fill' }), make('span', { class: 'was' }));
  bar.style.setProperty('--share', after.toFixed(4));
  bar.style.setProperty('--was', before.toFixed(4));
  const figures = [percent(before), make('span', { 'aria-hidden': 'true' }, ' → '), make('span', { class: 'visually-hidden' }, ' to '), make('strong', {}, percent(after))];
  return make('td', {}, bar, make('span', { class: 'moved-figures' }, ...figures));
}

function clear(note: string): void {
  says.textContent = note;
  table.hidden = true;
  putBack.hidden = true;
}
