/** The page of a study: open its file, say who one is, rate item by item, save. */

import '../trusted.ts';
import { byId, make, within } from '../dom.ts';
import { onFile } from '../dropped.ts';
import { messageOf } from '../format.ts';
import { download } from '../view/download.ts';
import { Course } from './course.ts';
import { drawItem, drawQuestions } from './draw.ts';
import { readPlan, type Plan } from './plan.ts';

/** Where the plan is kept, so that a reload goes on. */
const KEPT = 'stillglass-study';

const steps = ['opening', 'greeting', 'rating', 'end'] as const;
const problem = byId('problem');
const missing = byId('missing');
const form = byId<HTMLFormElement>('form');
const progress = byId<HTMLProgressElement>('progress');

let plan: Plan | undefined;
let course: Course | undefined;
/** Index of the item on the page. */
let at = 0;
/** When it came there. */
let since = 0;

function show(step: (typeof steps)[number]): void {
  for (const name of steps) byId(name).hidden = name !== step;
  // Whoever cannot see that the page changed hears its title.
  byId(`${step}-title`).focus();
  scrollTo(0, 0);
}

function complain(message: string): void {
  problem.replaceChildren(...(message === '' ? [] : [make('p', {}, message)]));
}

/** Opens a plan from its text; keeps it for the next visit. */
function open(content: string): void {
  try {
    plan = readPlan(content);
  } catch (error) {
    complain(messageOf(error));
    return;
  }
  complain('');
  keep(KEPT, content);
  byId('statements').textContent = String(plan.constructs.length);
  byId('rater').replaceChildren(...plan.raters.map(({ rater }) => make('option', {}, rater)));
  show('greeting');
}

function keep(name: string, content: string): void {
  try {
    localStorage.setItem(name, content);
  } catch {
    // It is opened again then.
  }
}

function begin(): void {
  const name = byId<HTMLSelectElement>('rater').value;
  const seat = plan?.raters.find(({ rater }) => rater === name);
  if (plan === undefined || seat === undefined) return;
  course = new Course(plan, seat, localStorage);
  go(course.next);
}

/** Shows the item of an index, or the end behind the last. */
function go(index: number): void {
  if (plan === undefined || course === undefined) return;
  const { items } = course.seat;
  const item = items[index];
  if (item === undefined) {
    show('end');
    return;
  }
  at = index;
  since = performance.now();
  byId('rating-title').textContent = `Explanation ${index + 1} of ${items.length}`;
  progress.max = items.length;
  progress.value = course.done;
  byId('back').hidden = index === 0;
  missing.textContent = '';
  drawItem(byId('item'), item);
  drawQuestions(byId('questions'), plan, course.of(item.id));
  show('rating');
}

/** Keeps the ratings on the page and goes on, if none is missing. */
function next(): void {
  const item = course?.seat.items[at];
  if (plan === undefined || course === undefined || item === undefined) return;
  const chosen = new FormData(form);
  const values = plan.constructs.map(({ name }) => Number(chosen.get(name)));
  const open = values.findIndex((value) => value === 0);
  if (open >= 0) {
    missing.textContent = 'Please choose for every sentence.';
    const name = plan.constructs[open]?.name ?? '';
    within<HTMLInputElement>(form, `input[name="${CSS.escape(name)}"]`).focus();
    return;
  }
  const stored = course.rate(item.id, values, (performance.now() - since) / 1000);
  if (!stored) complain('This browser does not keep your ratings: finish and save them without closing the page.');
  go(at + 1);
}

function save(): void {
  if (course === undefined) return;
  const name = `ratings-${course.seat.rater}.csv`;
  download(name, new Blob([course.csv()], { type: 'text/csv' }));
  byId('saved').textContent = `Saved as ${name}.`;
}

function another(): void {
  localStorage.removeItem(KEPT);
  plan = undefined;
  course = undefined;
  show('opening');
}

onFile(
  byId('drop'),
  () => !byId('opening').hidden,
  (file) => void file.text().then(open),
);
byId('begin').addEventListener('submit', (event) => {
  event.preventDefault();
  begin();
});
form.addEventListener('submit', (event) => {
  event.preventDefault();
  next();
});
byId('back').addEventListener('click', () => go(at - 1));
byId('save').addEventListener('click', save);
byId('look-back').addEventListener('click', () => go(0));
for (const button of document.querySelectorAll('.another')) button.addEventListener('click', another);

const before = localStorage.getItem(KEPT);
if (before !== null) open(before);
