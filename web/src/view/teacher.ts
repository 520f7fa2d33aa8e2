/** The teacher on the page: the offer, what it is at, its answer and how it was explained. */

import type { Method } from 'stillglass';
import { byId, make, within } from '../dom.ts';
import { bytes, count, duration, messageOf, percent, sentence, share, title } from '../format.ts';
import type { Reading } from '../opened.ts';
import type { State } from '../teacher.ts';

const toggle = byId<HTMLButtonElement>('teacher-toggle');
const again = byId<HTMLButtonElement>('teacher-again');
const note = byId('teacher-note');
const status = byId('teacher-status');
const teacherHead = byId('teacher-head');
const studentHead = byId('student-head');
const teacherMade = byId('teacher-made');
const studentMade = byId('student-made');
const bringing = byId('bringing');
const explaining = byId('explaining');

/** Points that the usual explanation takes: fewer to look at would make the bar fall back. */
const USUAL_POINTS = 28;

const METHODS: Record<Method, string> = {
  native: 'Its own contributions, exact',
  'integrated-gradients': 'Integrated gradients',
  occlusion: 'Occlusion',
};

/** Calls what the reader asks for: the teacher or an end of it, and an explanation or an end of that. */
export function onTeacher(toggled: () => void, asked: () => void): void {
  toggle.addEventListener('click', toggled);
  again.addEventListener('click', asked);
}

/** Shows what the teacher is at. */
export function showState(state: State): void {
  const loading = state.at === 'loading' ? state : undefined;
  const reading = state.at === 'reading' ? state : undefined;
  label(toggle, toggleLabel(state));
  label(again, againLabel(state), toggle);
  showProgress(bringing, loading && { done: loading.received, total: loading.bytes, text: received(loading) });
  showProgress(explaining, reading && explainingProgress(reading));
  note.textContent = noteOn(state);
  note.hidden = note.textContent === '';
  const said = statusOn(state);
  if (status.textContent !== said) status.textContent = said;
}

/** Shows the answer of each, once there is one to compare; `undefined` for the teacher's while it reads. */
export function showAnswers(student: Reading, teacher: Reading | undefined): void {
  const differs = teacher !== undefined && teacher.result.label !== student.result.label;
  studentHead.replaceChildren(...head('Student', student, differs));
  teacherHead.replaceChildren(...head('Teacher', teacher, differs));
  studentMade.textContent = made(student);
  teacherMade.textContent = teacher === undefined ? '' : made(teacher);
  teacherMade.hidden = teacherMade.textContent === '';
}

/** Makes room for the teacher beside the student, or takes it away. */
export function showBeside(beside: boolean): void {
  byId('why').classList.toggle('comparing', beside);
  byId('teacher').hidden = !beside;
  studentHead.hidden = !beside;
}

function head(name: string, reading: Reading | undefined, differs: boolean): Node[] {
  const strong = make('span', { class: 'reader-name' }, name);
  if (reading === undefined) return [strong];
  const { label: predicted, scores } = reading.result;
  const answer = make('span', { dir: 'auto' }, title(predicted));
  const score = make('span', { class: 'reader-score' }, percent(scores[predicted] ?? 0));
  const odd = [make('span', { class: 'mark-odd', 'aria-hidden': 'true' }), make('span', { class: 'visually-hidden' }, 'at odds')];
  return [strong, answer, score, ...(differs ? odd : [])];
}

/** How an explanation was found: method, points, what it leaves, time and place. */
export function made({ result }: Pick<Reading, 'result'>): string {
  const { explanation, backend, reason, ms } = result;
  if (explanation === undefined) return '';
  const { method, nodes, completeness } = explanation;
  const parts = [
    METHODS[method],
    nodes > 0 ? `${count(nodes)} points` : 'no points needed',
    `${share(completeness)} unaccounted for`,
    `${duration(ms)} on the ${backend.toUpperCase()}`,
  ];
  // What follows a semicolon is for programs.
  const why = reason?.split(';')[0];
  return `${parts.join(' · ')}${why === undefined ? '' : ` (GPU not used: ${why})`}`;
}

function toggleLabel(state: State): string {
  switch (state.at) {
    case 'absent':
      return '';
    case 'offered':
      return state.bytes > 0 ? `Compare with its teacher · ${bytes(state.bytes)}` : 'Compare with its teacher';
    case 'loading':
      return 'Cancel';
    case 'failed':
      return state.text === undefined ? 'Try again' : 'Put the teacher away';
    default:
      return 'Put the teacher away';
  }
}

function againLabel(state: State): string {
  if (state.at === 'reading') return 'Stop';
  if (state.at === 'stopped') return 'Explain this text';
  return state.at === 'failed' && state.text !== undefined ? 'Try again' : '';
}

function noteOn(state: State): string {
  if (state.at === 'offered' && state.bytes > 0) return 'The larger model that this one learned from. It reads in this tab too.';
  if (state.at !== 'failed') return '';
  const message = messageOf(state.error);
  return `${state.text === undefined ? 'The teacher did not load' : 'The teacher could not explain this text'}. ${sentence(message)}`;
}

/** What a screen reader hears: the turns it takes, not every step. */
function statusOn(state: State): string {
  switch (state.at) {
    case 'loading':
      return 'Loading the teacher.';
    case 'waiting':
      return 'The teacher is here.';
    case 'stopped':
      return 'Stopped.';
    case 'failed':
      return noteOn(state);
    case 'done': {
      const { label: predicted, scores } = state.reading.result;
      return `The teacher says ${predicted}, ${percent(scores[predicted] ?? 0)}.`;
    }
    default:
      return '';
  }
}

function received({ received: here, bytes: total }: { received: number; bytes: number }): string {
  return here >= total ? 'Opening…' : `${bytes(here)} of ${bytes(total)}`;
}

function explainingProgress({ progress }: { progress?: { done: number; total: number } }) {
  const { done, total } = progress ?? { done: 0, total: 0 };
  const text = done === 0 ? 'Explaining…' : `Explaining: ${count(done)} of ${count(total)} points`;
  return { done, total: Math.max(total, USUAL_POINTS), text };
}

function showProgress(line: HTMLElement, now: { done: number; total: number; text: string } | undefined): void {
  line.hidden = now === undefined;
  if (now === undefined) return;
  const bar = within<HTMLProgressElement>(line, 'progress');
  bar.max = now.total;
  bar.value = Math.min(now.done, now.total);
  within(line, 'span').textContent = now.text;
}

/** Names a button; one without a name goes, and the focus it had with it to `next`. */
function label(button: HTMLButtonElement, name: string, next?: HTMLElement): void {
  if (button.textContent !== name) button.textContent = name;
  if (name === '' && document.activeElement === button) next?.focus();
  button.hidden = name === '';
}
