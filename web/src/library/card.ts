/** The model card: what the bundle says about its data, figures and origin. */

import type { Card } from 'stillglass/client';
import { byId, make, within } from '../dom.ts';
import { bytes, count } from '../format.ts';
import type { About } from './manifest.ts';

const section = byId('card');
const title = byId('card-title');
const body = within(section, '.card-body');

/** Shows the card of a model; lines the bundle is silent about are left out. */
export function showCard(name: string, about: About): void {
  const { card } = about;
  title.textContent = name;
  body.replaceChildren(
    ...(card.description ? [make('p', { dir: 'auto' }, card.description)] : []),
    make('dl', {}, ...facts(about).filter(([, value]) => value).map(([term, value]) => fact(term, value))),
    ...(card.metrics.length > 0 ? [metrics(card)] : []),
    ...(card.recipe ? [recipe(card.recipe)] : []),
  );
  section.hidden = false;
}

/** Goes to the card. */
export function goToCard(): void {
  title.focus();
  title.scrollIntoView({ block: 'start' });
}

/** Takes the card away. */
export function clearCard(): void {
  section.hidden = true;
}

function facts(about: About): [string, string][] {
  const { card, labels, maxTokens, bytes: size, pairs, choices } = about;
  return [
    ['Classes', labels.join(', ')],
    ['Trained on', card.data],
    ['Data licence', card.data_licence],
    ['Base model', card.base_model],
    ['Base licence', card.base_licence],
    ['Date', card.date],
    ['Trained with', card.trainer_version && `Stillglass ${card.trainer_version}`],
    ['Size', bytes(size)],
    ['Reads', choices ? 'Questions, each with answers to choose among' : pairs ? 'Pairs of texts' : ''],
    ['Reads at most', `${count(maxTokens)} tokens of ${choices ? 'a question and an answer' : pairs ? 'a pair' : 'a text'}`],
    ['Says why', says(about)],
    ['Shape', shape(about)],
  ];
}

function says(about: About): string {
  const decoder = about.kind === 'student' ? about.architecture.decoder : undefined;
  return decoder === undefined ? '' : `In words of its own, ${count(decoder.tokens)} tokens at most`;
}

function shape({ kind, architecture: sizes }: About): string {
  const pieces = `${count(sizes.vocabulary)} word pieces`;
  return kind === 'student'
    ? `${pieces} × ${sizes.embedding}, ${layers(sizes.encoder)}LSTM of 2 × ${sizes.hidden}${sizes.decoder === undefined ? '' : `, decoder of ${sizes.decoder.hidden}`}`
    : `${pieces} × ${sizes.hidden}, ${sizes.layers} transformer layers of ${sizes.heads} heads`;
}

function layers(encoder?: { layers: number }): string {
  if (encoder === undefined) return '';
  return `${count(encoder.layers)} transformer layer${encoder.layers === 1 ? '' : 's'} of its teacher’s, `;
}

function fact(name: string, value: string): HTMLElement {
  return make('div', {}, make('dt', {}, name), make('dd', { dir: 'auto' }, value));
}

/** The measured figures, what they are of first: notes are long, and head the figures they speak of. */
function metrics(card: Card): HTMLElement {
  const groups = new Map<string, Card['metrics']>();
  for (const metric of card.metrics) {
    const of = metric.note ?? '';
    groups.set(of, [...(groups.get(of) ?? []), metric]);
  }
  const head = make('tr', {}, ...['Measure', 'Value', 'Rows', 'Runs'].map((name) => make('th', { scope: 'col' }, name)));
  return make(
    'table',
    { class: 'plain-table metrics' },
    make('caption', {}, 'Measured figures'),
    make('thead', {}, head),
    ...[...groups].map(([note, list]) => make('tbody', {}, ...(note === '' ? [] : [heading(note)]), ...list.map(line))),
  );
}

function heading(note: string): HTMLElement {
  return make('tr', {}, make('th', { scope: 'rowgroup', colspan: '4', class: 'note', dir: 'auto' }, note));
}

function line({ name, value, split, seeds }: Card['metrics'][number]): HTMLElement {
  const cells = [Number.isFinite(value) ? value.toFixed(3) : '–', split, String(seeds)];
  return make('tr', {}, make('th', { scope: 'row', dir: 'auto' }, name), ...cells.map((cell) => make('td', { dir: 'auto' }, cell)));
}

function recipe(text: string): HTMLElement {
  return make('details', { class: 'recipe' }, make('summary', {}, 'Recipe'), make('pre', {}, text));
}
