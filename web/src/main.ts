/** The page: one model at a time, one text, one answer that follows typing. */

import './trusted.ts';
import type { ModelInfo, Word } from 'stillglass/client';
import { askedOf, type Asked } from './asked.ts';
import { Beside } from './beside.ts';
import { carry, takeCarried } from './carried.ts';
import { catalogue, fromFile } from './catalogue.ts';
import { Comparison } from './compare.ts';
import { byId } from './dom.ts';
import type { Entry } from './entry.ts';
import { centredWords, strongest } from './explain.ts';
import { deferred, latest, settled } from './latest.ts';
import { fetched, loaded } from './loaded.ts';
import { Models } from './models.ts';
import { Offline, type State } from './offline.ts';
import type { Reading } from './opened.ts';
import { FEWEST, namesOf, UNNAMED, UNNAMED_QUESTION } from './texts.ts';
import { hideBlank, showBlank } from './view/blank.ts';
import { offerModels, showModel } from './view/chooser.ts';
import { offerClasses, offersClasses, showClasses } from './view/classes.ts';
import { showCut } from './view/cut.ts';
import { showCost, showLoaded, showNetwork, type Network } from './view/facts.ts';
import { onUpdate, showKeptLine } from './view/kept.ts';
import { noteOnLink, onLink } from './view/link.ts';
import { clearProblem, codeOf, explainFailure, showProblem } from './view/problem.ts';
import { nothingWritten, onText, showPrompt, writeText, writtenText } from './view/prompt.ts';
import { clearSummary, showSummary, showVerdict } from './view/summary.ts';
import { goTo, onView } from './views.ts';

/** What is said of a link to a class that is not there. */
const NO_CLASS = 'The link names a class that this model does not have, so the predicted one is shown.';

/** How long typing must pause before the sentence and the table follow, in milliseconds. */
const PAUSE = 400;

const models = new Models();
const comparison = new Comparison(loading, () => beside.tools.tell((under) => under.show(comparison.answer)));
const offline = new Offline(
  (state) => {
    kept = state;
    showKeptLine(state);
    beside.views.device.tell((view) => view.showKept(state));
  },
  () => carry({ model: chosen?.id ?? '', text: writtenText() }),
);
const listed = catalogue();
let entries: readonly Entry[] = [];
let chosen: Entry | undefined;
/** The reader's own models. */
let own: Entry[] = [];
/** What is kept of the page here, as far as it is known. */
let kept: State | undefined;
let info: ModelInfo | undefined;
/** The class the reader picked; none while the page follows the predicted one. */
let picked: string | undefined;
/** The choice that a link names, until there are choices. */
let linked: string | undefined;
let current: { reading: Reading; words: Word[] } | undefined;
/** Stops the reading under way. */
let reader = new AbortController();
/** Settles once the first text has its answer, or there is no text. */
const firstAnswer = deferred();
/** What the page can do without a network, a teacher on its way aside. */
let network: Network = 'loading';
const beside = new Beside({
  models,
  comparison,
  offline,
  entries: () => entries,
  chosen: () => chosen,
  picked: () => picked,
  kept: () => kept,
  choose: (entry) => void choose(entry),
  adopt,
  remove,
  openText,
  loading,
});

function setState(state: 'loading' | 'ready' | 'failed'): void {
  document.documentElement.dataset['state'] = state;
}

async function choose(entry: Entry, label?: string): Promise<void> {
  chosen = entry;
  info = undefined;
  picked = undefined;
  showModel(entry);
  showPrompt(entry);
  comparison.offer(entry);
  beside.views.many.tell((view) => view.offer(entry));
  beside.views.models.tell((view) => void view.show());
  beside.views.device.tell((view) => view.show());
  clearProblem();
  setState('loading');
  clearAnswer(`Loading the ${entry.name} model…`, 'It stays in this tab once it is here.');
  try {
    const opened = await models.open(entry);
    if (chosen !== entry) return;
    begin(opened, label);
    void fetchTheRest();
  } catch (error) {
    if (chosen === entry) fail(entry, error);
  }
}

/** `label` is the class that a link wants shown. */
function begin(opened: ModelInfo, label?: string): void {
  info = opened;
  const entry = chosen;
  if (entry !== undefined && (opened.pairs !== (entry.texts !== undefined) || opened.choices !== (entry.choices === true))) {
    correct(entry, opened);
    showPrompt(entry);
    beside.views.many.tell((view) => view.offer(entry));
  }
  // The classes of a question are its choices, which are known with the first answer.
  if (label === undefined || opened.choices || opened.labels.includes(label)) picked = label;
  else noteOnLink(NO_CLASS);
  linked = opened.choices ? label : undefined;
  offerClasses(opened.choices ? [] : opened.labels, opened.choices ? 'an answer' : 'a class', pick);
  countBytes();
  showNothingYet();
  setState('ready');
  classifySoon();
}

/** The bundle itself knows best what it reads. */
function correct(entry: Entry, { pairs, choices }: ModelInfo): void {
  if (pairs) entry.texts ??= choices ? UNNAMED_QUESTION : UNNAMED;
  else delete entry.texts;
  entry.choices = choices;
}

function fail(entry: Entry, error: unknown): void {
  setState('failed');
  setNetwork('partial');
  clearAnswer('', '');
  hideBlank();
  showProblem({ ...explainFailure(entry.name, error), retry: () => void choose(entry) });
}

function setNetwork(state: Network): void {
  network = state;
  showNetwork(state);
}

/** Shows that something beside the page itself is on its way, and when it is here. */
function loading(now: boolean): void {
  showNetwork(now ? 'loading' : network);
  countBytes();
}

function countBytes(): void {
  showLoaded(loaded(fetched()));
}

const classifySoon = latest(async () => {
  await classify();
  if (info !== undefined) firstAnswer.resolve();
});

/** Reads the text as it stands, and shows what came of it. */
async function classify(): Promise<void> {
  const entry = chosen;
  const text = writtenText();
  if (entry === undefined || info === undefined) return;
  if (nothingWritten()) return showNothingYet();
  const { signal } = (reader = new AbortController());
  try {
    const reading = await models.classify(entry, text, signal);
    if (chosen !== entry) return;
    current = { reading, words: centredWords(reading.result.words ?? []) };
    clearProblem();
    showAnswer();
  } catch (error) {
    if (chosen !== entry || signal.aborted) return;
    // What is shown is about another text.
    clearAnswer('', '');
    hideBlank();
    // What is wrong with the text itself stays so.
    const again = codeOf(error) === 'bad-argument' ? {} : { retry: classifySoon };
    showProblem({ ...explainFailure(entry.name, error), ...again });
  }
}

function showNothingYet(): void {
  const both = info?.choices === true ? ` It takes a question and ${FEWEST} answers at least.` : info?.pairs === true ? ' It takes both texts.' : '';
  clearAnswer('Nothing to read yet', `Type, paste, or pick an example. The answer follows as you type.${both}`);
}

const settleSoon = settled(PAUSE, () => {
  if (current === undefined) return;
  const { reading, words } = current;
  const { label, scores } = reading.result;
  const shown = shownOf(reading);
  showSummary({ predicted: label, score: scores[label] ?? 0, chosen: shown, ...strongest(words, shown) });
  comparison.settle();
  if (info?.reasons === true) sayReason(reading, words);
});

/** The class whose words are shown: the reader's, if it is one of these. */
function shownOf({ labels, result }: Reading): string {
  return picked !== undefined && labels.includes(picked) ? picked : result.label;
}

/** What the model is asked the reason of, as the page stands now. */
function asking(reading: Reading, words: readonly Word[]): Asked {
  return askedOf(reading, words, shownOf(reading), chosen?.texts);
}

/** Has the model say why, in words, unless there is a newer text by the time that the panel is here. */
function sayReason(reading: Reading, words: readonly Word[]): void {
  const asked = asking(reading, words);
  beside.reason.get().then(
    (panel) => {
      if (current?.reading === reading && asking(reading, words).asked === asked.asked) panel.write(asked);
    },
    // Without it everything else works; the next answer tries again.
    () => undefined,
  );
}

function showAnswer(): void {
  if (current === undefined || info === undefined) return;
  const { reading, words } = current;
  const { label, scores, tokens } = reading.result;
  const { labels } = reading;
  const shown = shownOf(reading);
  if (linked !== undefined && !labels.includes(linked)) noteOnLink(NO_CLASS);
  linked = undefined;
  hideBlank();
  byId('answer').hidden = false;
  showVerdict(label, scores[label] ?? 0);
  if (!offersClasses(labels)) offerClasses(labels, 'an answer', pick);
  showClasses(scores, label, shown);
  byId('why-title').textContent = `Words for and against ${shown}`;
  const { texts } = chosen ?? {};
  comparison.show({ reading, words, label: shown, labels, names: namesOf(reading.text, texts), model: info });
  beside.reason.tell((panel) => panel.turnTo(asking(reading, words).asked));
  showCut({ text: reading.text, result: reading.result, names: texts, read: info.choices ? info.maxTokens : tokens });
  showCost({ ms: reading.result.ms, tokens });
  settleSoon();
}

function clearAnswer(title: string, text: string): void {
  current = undefined;
  byId('answer').hidden = true;
  comparison.clear();
  beside.reason.tell((panel) => panel.clear());
  clearSummary();
  showCost(undefined);
  showBlank(title, text);
}

/** Picking the predicted class means following the prediction again. */
function pick(label: string): void {
  picked = label === current?.reading.result.label ? undefined : label;
  showAnswer();
}

/** Brings the other models too, and the other views, that of many texts if it was asked for, so that the page needs no network from then on. */
async function fetchTheRest(): Promise<void> {
  // A first answer waits for nothing that it does not need.
  await firstAnswer.promise;
  const parts = [beside.tools.get(), beside.reason.get(), beside.views.models.get(), beside.views.device.get(), beside.views.many.begun];
  const outcomes = await Promise.allSettled([...entries.map((entry) => models.fetch(entry)), ...parts]);
  beside.views.models.tell((view) => void view.show());
  countBytes();
  setNetwork(outcomes.every(({ status }) => status === 'fulfilled') ? 'quiet' : 'partial');
  // Only now: what the page itself needs comes first, and is stored from the browser's cache.
  await offline.store();
}

function offer(offered: readonly Entry[]): void {
  entries = offered;
  offerModels(entries, (entry) => void choose(entry));
}

/** Opens a file of the reader's as a model, in the place of an earlier one of that name. */
async function adopt(file: File): Promise<Entry> {
  const entry = fromFile(file);
  correct(entry, await models.open(entry));
  for (const earlier of own.filter(({ name }) => name === entry.name)) models.forget(earlier);
  own = [...own.filter(({ name }) => name !== entry.name), entry];
  offer([...listed, ...own]);
  return entry;
}

function remove(entry: Entry): void {
  own = own.filter((other) => other !== entry);
  models.forget(entry);
  offer([...listed, ...own]);
  const [first] = entries;
  if (chosen === entry && first !== undefined) void choose(first);
  else if (chosen !== undefined) showModel(chosen);
  beside.views.models.tell((view) => void view.show());
}

function openText(text: string): void {
  goTo('one');
  writeText(text);
  byId('text').focus();
}

function boot(): void {
  onView((view) => {
    if (view !== 'one') beside.open(view);
  });
  onUpdate(() => offline.update());
  onText(() => {
    // A teacher opened as a model of one's own takes its time. A student is never stopped, or who types
    // fast would see no answer.
    if (info?.kind === 'teacher') reader.abort();
    beside.reason.tell((panel) => panel.stop());
    classifySoon();
  });
  offer(listed);
  const [first] = entries;
  if (first === undefined) {
    setState('failed');
    hideBlank();
    showProblem({
      title: 'This build carries no model',
      detail: 'Put the bundles that models/index.json names beside it and build again, or open a file of yours under Models.',
    });
    return;
  }
  const carried = takeCarried();
  const linked = onLink(listed, (entry, { text, label }) => {
    goTo('one');
    void choose(entry, label);
    writeText(text);
  });
  if (linked) return;
  void choose(listed.find(({ id }) => id === carried?.model) ?? first);
  if (carried !== undefined) writeText(carried.text);
}

boot();
