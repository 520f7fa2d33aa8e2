/** The page of a study: open its file, say who one is, rate item by item, save. */

import '../trusted.ts';
import { byId, make, within } from '../dom.ts';
import { onFile } from '../dropped.ts';
import { messageOf } from '../format.ts';
import { download } from '../view/download.ts';
import { Course, openStore } from './course.ts';
import { drawItem, drawQuestions } from './draw.ts';
import { readPlan, type Plan } from './plan.ts';
import { Watch } from './watch.ts';

/** Where the plan is kept, so that a reload goes on. */
const KEPT = 'stillglass-study';

const steps = ['opening', 'greeting', 'rating', 'end'] as const;
const problem = byId('problem');
const missing = byId('missing');
const saved = byId('saved');
const form = byId<HTMLFormElement>('form');
const progress = byId<HTMLProgressElement>('progress');
const store = openStore();
const watch = new Watch();

let plan: Plan | undefined;
let course: Course | undefined;
/** Index of the item on the page. */
let at = 0;

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
  try {
    store.setItem(KEPT, content);
  } catch {
    // It is opened again then.
  }
  byId('statements').textContent = String(plan.constructs.length);
  byId('rater').replaceChildren(...plan.raters.map(({ rater }) => make('option', {}, rater)));
  show('greeting');
}

function begin(): void {
  const name = byId<HTMLSelectElement>('rater').value;
  const seat = plan?.raters.find(({ rater }) => rater === name);
  if (plan === undefined || seat === undefined) return;
  course = new Course(plan, seat, store);
  saved.textContent = '';
  go(course.next);
}

/** Shows the item of an index, or the end behind the last. */
function go(index: number): void {
  if (plan === undefined || course === undefined) return;
  const { items } = course.seat;
  const item = items[index];
  if (item === undefined) {
    byId('forget').hidden = true;
    show('end');
    return;
  }
  at = index;
  watch.restart();
  byId('rating-title').textContent = `Explanation ${index + 1} of ${items.length}`;
  progress.max = items.length;
  progress.value = course.done;
  byId('back').hidden = index === 0;
  byId('to-end').hidden = course.done < items.length;
  missing.textContent = '';
  drawItem(byId('item'), item);
  drawQuestions(byId('questions'), plan, course.of(item.id));
  show('rating');
}

/** Keeps what is chosen on the page; the place of the first construct of which nothing is, −1 where there is none. */
function keep(): number {
  const item = course?.seat.items[at];
  if (plan === undefined || course === undefined || item === undefined) return -1;
  const chosen = new FormData(form);
  const values = plan.constructs.map(({ name }) => Number(chosen.get(name)));
  const stored = course.rate(item.id, values, watch.take());
  if (!stored) complain('This browser does not keep your ratings: finish and save them without closing the page.');
  saved.textContent = '';
  return values.indexOf(0);
}

/** Goes on, if nothing is missing. */
function next(): void {
  const open = keep();
  const name = plan?.constructs[open]?.name;
  if (name === undefined) {
    go(at + 1);
    return;
  }
  // A screen reader says again only what changed.
  missing.textContent = '';
  requestAnimationFrame(() => (missing.textContent = 'Please choose for every sentence.'));
  within<HTMLInputElement>(form, `input[name="${CSS.escape(name)}"]`).focus();
}

function save(): void {
  if (course === undefined) return;
  const name = `ratings-${course.seat.rater}.csv`;
  download(name, new Blob([course.csv()], { type: 'text/csv' }));
  saved.textContent = `Saved as ${name}.`;
  byId('forget').hidden = false;
}

/** Takes the ratings out of this browser, which others may use as well. */
function forget(): void {
  course?.forget();
  another();
}

function another(): void {
  store.removeItem(KEPT);
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
form.addEventListener('change', keep);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  next();
});
byId('back').addEventListener('click', () => {
  keep();
  go(at - 1);
});
byId('to-end').addEventListener('click', () => {
  keep();
  go(course?.next ?? 0);
});
byId('save').addEventListener('click', save);
byId('forget').addEventListener('click', forget);
byId('look-back').addEventListener('click', () => go(0));
for (const button of document.querySelectorAll('.another')) button.addEventListener('click', another);

const before = store.getItem(KEPT);
if (before !== null) open(before);
