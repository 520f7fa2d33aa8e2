/** What went wrong, and the way out. */

import { byId, make } from '../dom.ts';
import { messageOf, sentence } from '../format.ts';

const panel = byId('problem');

/** A failure for the reader: what failed, why, and whether trying again may help. */
export interface Problem {
  title: string;
  detail: string;
  retry?: () => void;
}

/** Shows a failure; a screen reader speaks it. */
export function showProblem({ title, detail, retry }: Problem): void {
  panel.replaceChildren(make('p', { class: 'problem-title' }, title), make('p', {}, detail));
  if (retry === undefined) return;
  const button = make('button', { type: 'button', class: 'plain' }, 'Try again');
  button.addEventListener('click', retry);
  panel.append(button);
}

/** Takes the failure away. */
export function clearProblem(): void {
  panel.replaceChildren();
}

/** The code of a failure; nothing where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Says what failed with the model called `name`, from the error's code and message. */
export function explainFailure(name: string, error: unknown): Omit<Problem, 'retry'> {
  const message = sentence(messageOf(error));
  switch (codeOf(error)) {
    case 'unsupported':
      return {
        title: 'This browser cannot run the model',
        detail: `It needs a browser like Chrome 111, Firefox 121, Safari 16.4 or later. ${message}`,
      };
    case 'worker-failed':
      // The package's own words are for who builds a site.
      return { title: `The ${name} model did not load`, detail: 'Its worker did not start. Try again, or reload the page.' };
    case 'bad-bundle':
      return { title: `The ${name} model could not be read`, detail: message };
    case 'bad-argument':
      return {
        title: 'This text is too long',
        detail: 'A text may have a million characters. Shorten it, or put its parts into a file for “Many texts”.',
      };
    case 'trapped':
      return { title: 'The model stopped at this text', detail: `${message} Change the text or try again.` };
    default:
      return { title: `The ${name} model did not load`, detail: message };
  }
}
