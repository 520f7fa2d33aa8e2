/** The smallest set of words that turns the label: asked for, shown struck in the text, and taken out if wanted. */

import type { Answer } from '../answer/answer.ts';
import { EXACT, GREEDY, MOST, proof, smallestFlip, turn, type Outcome } from '../answer/flip.ts';
import { byId, make } from '../dom.ts';
import { count } from '../format.ts';
import { asRead, shownTexts } from '../texts.ts';
import { named } from './summary.ts';
import { Task, type Tell } from './task.ts';
import type { Host } from './tools.ts';

/** How many words the sentence names; they are struck in the text below in any case. */
const NAMED = 8;

const says = byId('flip-says');
const shown = byId('flip-text');
const adopt = byId<HTMLButtonElement>('flip-adopt');

/** The tool; its result goes when the text does. */
export class FlipTool {
  readonly #host: Host;
  readonly #task: Task;
  #answer: Answer | undefined;
  #found: number[] = [];

  constructor(host: Host) {
    this.#host = host;
    const [ones, pairs, threes] = EXACT;
    byId('flip-note').textContent =
      `The student is asked about the text without one word, without two, and without three: all sets among the ${ones}, ${pairs} and ` +
      `${threes} words that speak most for its label. If that is not enough, words go one after the other, the best of ${GREEDY.among} each ` +
      `time, ${GREEDY.steps} at most. That is at most ${count(MOST)} texts.`;
    this.#task = new Task(byId<HTMLButtonElement>('flip-start'), (signal, tell) => this.#search(signal, tell), (message) => (says.textContent = message));
    adopt.addEventListener('click', () => {
      host.removal.set(this.#found);
      // What comes of it stands above, out of sight on a phone.
      byId('moved-says').scrollIntoView({ block: 'center' });
    });
  }

  /** Turns to an answer. The class chosen does not matter: the label is the predicted one. */
  show(answer: Answer | undefined): void {
    const same = answer?.student.result === this.#answer?.student.result;
    this.#answer = answer;
    if (!same) this.#clear();
  }

  #clear(): void {
    this.#task.stop();
    says.replaceChildren();
    shown.hidden = true;
    adopt.hidden = true;
  }

  async #search(signal: AbortSignal, tell: Tell): Promise<void> {
    const answer = this.#answer;
    if (answer === undefined) return;
    const { result, words } = answer.student;
    says.replaceChildren();
    shown.hidden = true;
    adopt.hidden = true;
    const outcome = await smallestFlip({
      ...asRead(answer.text, result, words),
      before: result,
      ask: this.#host.ask.Student,
      signal,
      onTried: (tried) => tell(tried, MOST),
    });
    if (!signal.aborted) this.#tell(answer, outcome);
  }

  #tell({ text, names, student }: Answer, outcome: Outcome): void {
    const { flip, tried } = outcome;
    const end = ` ${proof(outcome)} (${count(tried)} texts.)`;
    if (flip === undefined) return void says.replaceChildren(end.trim());
    const words = flip.words.flatMap((at) => student.words[at] ?? []);
    says.replaceChildren('Without ', ...named(words.map((word) => word.text), NAMED), `, ${turn(student.result, flip.after)}${end}`);
    this.#found = words.map(({ start }) => start);
    const gone = new Set(flip.words);
    const texts = shownTexts(text, student.words, student.result.ends, names !== undefined);
    const marked = texts.map(({ parts }) => parts.map((part) => (part.word !== undefined && gone.has(part.word) ? make('del', {}, part.text) : part.text)));
    shown.replaceChildren(...marked.flatMap((parts, at) => (at === 0 ? parts : ['\n', ...parts])));
    shown.hidden = false;
    adopt.hidden = false;
  }
}
