/** How far reading is. */

import { byId } from '../../dom.ts';
import { count, percent } from '../../format.ts';
import type { Progress } from '../protocol.ts';

/** How often progress is spoken, in milliseconds. */
const SPEAK = 10_000;

const panel = byId('under-way');
const bar = byId<HTMLProgressElement>('read-share');
const cancel = byId<HTMLButtonElement>('cancel');
let spoken = 0;

/** Hears that the reader wants to stop. */
export function onCancel(stop: () => void): void {
  cancel.addEventListener('click', () => {
    cancel.disabled = true;
    speak('Stopping.');
    stop();
  });
}

/** Shows that reading has begun. */
export function beginProgress(): void {
  panel.hidden = false;
  cancel.disabled = false;
  cancel.focus();
  bar.removeAttribute('value');
  byId('read-figures').textContent = 'Opening the model…';
  spoken = performance.now();
  speak('Reading.');
}

/** Shows how far it is; now and then it is spoken. */
export function showProgress({ rows, share, perSecond }: Progress): void {
  bar.value = share;
  const figures = `${count(rows)} texts, ${percent(share)} of the file, ${count(Math.round(perSecond))} a second`;
  byId('read-figures').textContent = figures;
  if (performance.now() - spoken < SPEAK) return;
  spoken = performance.now();
  speak(figures);
}

/** Takes it away. */
export function endProgress(): void {
  panel.hidden = true;
}

/** Has a screen reader say a sentence when it has time. */
export function speak(sentence: string): void {
  byId('many-status').textContent = sentence;
}
