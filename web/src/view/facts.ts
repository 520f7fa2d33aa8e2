/** The line of figures under the page. */

import { byId } from '../dom.ts';
import { bytes, count, duration } from '../format.ts';
import type { Loaded } from '../loaded.ts';

/** Time and tokens of the last classification; none without a text. */
export function showCost(cost: { ms: number; tokens: number } | undefined): void {
  byId('fact-time').textContent = cost === undefined ? '–' : duration(cost.ms);
  byId('fact-tokens').textContent = cost === undefined ? '–' : count(cost.tokens);
}

/** What has been brought to this tab. */
export function showLoaded({ models, runtime, page }: Loaded): void {
  const parts = `models ${bytes(models)}, runtime ${bytes(runtime)}, page ${bytes(page)}`;
  byId('fact-loaded').textContent = `${bytes(models + runtime + page)}: ${parts}`;
}

/** How much of what the page can use is here. */
export type Network = 'loading' | 'quiet' | 'partial';

/** Whether everything the page can use is here. */
export function showNetwork(state: Network): void {
  document.documentElement.dataset['network'] = state;
  byId('fact-network').textContent = {
    loading: 'Loading',
    quiet: 'No more requests',
    partial: 'Some models are not here yet',
  }[state];
}
