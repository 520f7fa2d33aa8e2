/** The model card: what the bundle says about its data, figures and origin. */

import type { Card, ModelInfo } from 'stillglass';
import { byId, make, within } from '../dom.ts';
import { bytes, count } from '../format.ts';

const body = within(byId('card'), '.card-body');

/** Shows the card of a loaded model; lines the bundle is silent about are left out. */
export function showCard(info: ModelInfo): void {
  const { card, labels, maxTokens, bytes: size } = info;
  const facts: [string, string][] = [
    ['Classes', labels.join(', ')],
    ['Trained on', card.data],
    ['Data licence', card.data_licence],
    ['Base model', card.base_model],
    ['Base licence', card.base_licence],
    ['Date', card.date],
    ['Trained with', card.trainer_version && `Stillglass ${card.trainer_version}`],
    ['Size', bytes(size)],
    ['Reads at most', `${count(maxTokens)} tokens of a text`],
    ['Shape', shape(info)],
  ];
  body.replaceChildren(
    ...(card.description ? [make('p', { dir: 'auto' }, card.description)] : []),
    make('dl', {}, ...facts.filter(([, value]) => value).map(([name, value]) => fact(name, value))),
    ...(card.metrics.length > 0 ? [metrics(card)] : []),
    ...(card.recipe ? [recipe(card.recipe)] : []),
  );
}

/** Takes the card away. */
export function clearCard(): void {
  body.replaceChildren(make('p', {}, 'No model is loaded.'));
}

function shape({ kind, architecture: sizes }: ModelInfo): string {
  const pieces = `${count(sizes.vocabulary)} word pieces`;
  return kind === 'student'
    ? `${pieces} × ${sizes.embedding}, LSTM of 2 × ${sizes.hidden}`
    : `${pieces} × ${sizes.hidden}, ${sizes.layers} transformer layers of ${sizes.heads} heads`;
}

function fact(name: string, value: string): HTMLElement {
  return make('div', {}, make('dt', {}, name), make('dd', { dir: 'auto' }, value));
}

function metrics(card: Card): HTMLElement {
  const heads = ['Measure', 'Value', 'Rows', 'Runs', 'Note'].map((head) => make('th', { scope: 'col' }, head));
  const lines = card.metrics.map(({ name, value, split, seeds, note }) =>
    make(
      'tr',
      {},
      make('th', { scope: 'row' }, name),
      make('td', {}, Number.isFinite(value) ? value.toFixed(3) : '–'),
      ...[split, String(seeds), note ?? ''].map((cell) => make('td', {}, cell)),
    ),
  );
  return make(
    'div',
    { class: 'scroll', role: 'region', 'aria-label': 'Measured figures', tabindex: '0' },
    make('table', {}, make('thead', {}, make('tr', {}, ...heads)), make('tbody', {}, ...lines)),
  );
}

function recipe(text: string): HTMLElement {
  return make('details', { class: 'recipe' }, make('summary', {}, 'Recipe'), make('pre', { tabindex: '0' }, text));
}
