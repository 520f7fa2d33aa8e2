/** The page: one model at a time, one text, one answer that follows typing. */

import './trusted.ts';
import { compile, type ModelInfo, type Word } from 'stillglass/client';
import { catalogue, fromFile } from './catalogue.ts';
import { Comparison } from './compare.ts';
import { byId } from './dom.ts';
import type { Entry } from './entry.ts';
import { centredWords, strongest } from './explain.ts';
import { count } from './format.ts';
import { latest, settled } from './latest.ts';
import { fetched, loaded } from './loaded.ts';
import type { ManyTexts } from './many/page.ts';
import type { Opening } from './many/protocol.ts';
import { Models } from './models.ts';
import { Offline } from './offline.ts';
import type { Reading } from './opened.ts';
import { hideBlank, showBlank } from './view/blank.ts';
import { clearCard, showCard } from './view/card.ts';
import { offerModels, showModel } from './view/chooser.ts';
import { offerClasses, showClasses } from './view/classes.ts';
import { showCost, showLoaded, showNetwork, type Network } from './view/facts.ts';
import { onKept, showKept } from './view/offline.ts';
import { clearProblem, explainFailure, showProblem } from './view/problem.ts';
import { noteOnLink, onLink } from './view/link.ts';
import { onText, showPrompt, writeText, writtenText } from './view/prompt.ts';
import { clearSummary, showSummary, showVerdict } from './view/summary.ts';
import type { Tools } from './view/tools.ts';
import { goTo, onView } from './views.ts';

/** How long typing must pause before the sentence and the table follow, in milliseconds. */
const PAUSE = 400;

const models = new Models();
const comparison = new Comparison(
  (now) => {
    showNetwork(now ? 'loading' : network);
    countBytes();
  },
  () => tools?.show(comparison.answer),
);
/** What else can be done with an answer, once it is here. */
let tools: Tools | undefined;
const offline = new Offline(showKept);
const listed = catalogue();
let entries: readonly Entry[] = [];
let chosen: Entry | undefined;
/** The reader's own model; one at a time. */
let own: Entry | undefined;
let info: ModelInfo | undefined;
/** The class the reader picked; none while the page follows the predicted one. */
let picked: string | undefined;
let current: { reading: Reading; words: Word[] } | undefined;
/** Stops the reading under way. */
let reader = new AbortController();
/** What the page can do without a network, a teacher on its way aside. */
let network: Network = 'loading';
/** The view of many texts, once somebody has turned to it. */
let many: Promise<ManyTexts> | undefined;

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
  void many?.then((view) => view.offer(entry.name));
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
  if (label !== undefined && !opened.labels.includes(label)) noteOnLink('The link names a class that this model does not have, so the predicted one is shown.');
  else picked = label;
  offerClasses(opened.labels, pick);
  showCard(opened);
  countBytes();
  clearAnswer('Nothing to read yet', 'Type, paste, or pick an example. The answer follows as you type.');
  setState('ready');
  classifySoon();
}

function fail(entry: Entry, error: unknown): void {
  setState('failed');
  setNetwork('partial');
  clearAnswer('', '');
  hideBlank();
  clearCard();
  showProblem({ ...explainFailure(entry.name, error), retry: () => void choose(entry) });
}

function setNetwork(state: Network): void {
  network = state;
  showNetwork(state);
}

function countBytes(): void {
  showLoaded(loaded(fetched()));
}

const classifySoon = latest(async () => {
  const entry = chosen;
  const text = writtenText();
  if (entry === undefined || info === undefined) return;
  if (text.trim() === '') {
    clearAnswer('Nothing to read yet', 'Type, paste, or pick an example. The answer follows as you type.');
    return;
  }
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
    showProblem({ ...explainFailure(entry.name, error), retry: classifySoon });
  }
});

const settleSoon = settled(PAUSE, () => {
  if (current === undefined) return;
  const { reading, words } = current;
  const { label, scores } = reading.result;
  const shown = picked ?? label;
  showSummary({ predicted: label, score: scores[label] ?? 0, chosen: shown, ...strongest(words, shown) });
  comparison.settle();
});

function showAnswer(): void {
  if (current === undefined || info === undefined) return;
  const { reading, words } = current;
  const { label, scores, truncated, tokens } = reading.result;
  const shown = picked ?? label;
  hideBlank();
  byId('answer').hidden = false;
  showVerdict(label, scores[label] ?? 0);
  showClasses(scores, label, shown);
  byId('why-title').textContent = `Words for and against ${shown}`;
  comparison.show({ reading, words, label: shown, labels: info.labels });
  showCut(tokens, truncated?.tokens);
  showCost({ ms: reading.result.ms, tokens });
  settleSoon();
}

function clearAnswer(title: string, text: string): void {
  current = undefined;
  byId('answer').hidden = true;
  comparison.clear();
  clearSummary();
  showCost(undefined);
  showBlank(title, text);
}

function showCut(read: number, whole: number | undefined): void {
  const notice = byId('cut');
  notice.hidden = whole === undefined;
  notice.textContent =
    whole === undefined
      ? ''
      : `This model reads ${count(read)} tokens at most, and the text has ${count(whole)}. The faded rest was not read.`;
}

/** Picking the predicted class means following the prediction again. */
function pick(label: string): void {
  picked = label === current?.reading.result.label ? undefined : label;
  showAnswer();
}

/** Brings the other models too, and the view of many texts if it was asked for, so that the page needs no network from then on. */
async function fetchTheRest(): Promise<void> {
  const outcomes = await Promise.allSettled([...entries.map((entry) => models.fetch(entry)), loadTools(), many]);
  countBytes();
  setNetwork(outcomes.every(({ status }) => status === 'fulfilled') ? 'quiet' : 'partial');
  // Only now: what the page itself needs comes first, and is stored from the browser's cache.
  await offline.store();
}

/** After the first answer, which does not wait for it. */
async function loadTools(): Promise<void> {
  const { Tools } = await import('./view/tools.ts');
  tools ??= new Tools({
    model: () => chosen,
    picked: () => picked,
    removal: comparison.removal,
    ask: {
      Student: (texts, signal) => (chosen === undefined ? Promise.resolve([]) : models.classifyAll(chosen, texts, signal)),
      Teacher: (texts, signal) => comparison.askTeacher(texts, signal),
    },
  });
  tools.show(comparison.answer);
}

function offer(offered: readonly Entry[]): void {
  entries = offered;
  offerModels(entries, (entry) => void choose(entry));
}

function openFile(file: File): void {
  const previous = own;
  own = fromFile(file);
  offer([...listed, own]);
  void choose(own);
  // Nothing on the page speaks of it any more.
  if (previous !== undefined) models.forget(previous);
}

/** Loads the view of many texts; what failed is tried again when it is turned to again. */
function openMany(): void {
  if (many !== undefined) return;
  showNetwork('loading');
  many = loadMany();
  many
    .catch(() => {
      many = undefined;
      byId('many-problem').textContent = 'This view did not load; turn to it again once there is a network.';
    })
    .finally(() => {
      showNetwork(network);
      countBytes();
    });
}

async function loadMany(): Promise<ManyTexts> {
  const { ManyTexts } = await import('./many/page.ts');
  const view = new ManyTexts({ model: chosenModel, open: openText });
  view.offer(chosen?.name ?? '');
  await view.ready;
  return view;
}

async function chosenModel(): Promise<{ name: string; opening: Opening }> {
  const entry = chosen;
  if (entry === undefined) throw new Error('there is no model; open one below');
  const [{ kind, labels }, bundle, runtime] = await Promise.all([models.open(entry), models.fetch(entry), compile()]);
  return { name: entry.name, opening: { id: entry.id, kind, labels, bundle, runtime } };
}

function openText(text: string): void {
  goTo('one');
  writeText(text);
  byId('text').focus();
}

function boot(): void {
  onView((view) => {
    if (view === 'many') openMany();
  });
  onKept({ update: () => offline.update(), repair: () => void offline.repair(), delete: () => void offline.delete() });
  onText(() => {
    // A teacher opened as a model of one's own takes its time. A student is never stopped, or who types
    // fast would see no answer.
    if (info?.kind === 'teacher') reader.abort();
    classifySoon();
  });
  byId<HTMLInputElement>('file').addEventListener('change', ({ target }) => {
    const input = target as HTMLInputElement;
    const [file] = input.files ?? [];
    // So that picking the same file again, perhaps made anew, is a change as well.
    input.value = '';
    if (file !== undefined) openFile(file);
  });
  offer(listed);
  const [first] = entries;
  if (first === undefined) {
    setState('failed');
    hideBlank();
    showProblem({
      title: 'This build carries no model',
      detail: 'Put the bundles that models/index.json names beside it and build again, or open a file below.',
    });
    return;
  }
  const linked = onLink(listed, (entry, { text, label }) => {
    goTo('one');
    void choose(entry, label);
    writeText(text);
  });
  if (!linked) void choose(first);
}

boot();
