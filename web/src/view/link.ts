/** Opening the answers that addresses carry. */

import { opened, type Link } from '../answer/link.ts';
import { byId } from '../dom.ts';
import type { Entry } from '../entry.ts';
import { clipped } from '../format.ts';
import { isPair, isQuestion } from '../texts.ts';
import { NAMES } from '../views.ts';

/**
 * Takes the link in the address, now and whenever it is another; says whether there is one now. What was taken
 * leaves the address: typing and other views would make it untrue, and the text need not stand there.
 */
export function onLink(models: readonly Entry[], open: (entry: Entry, link: Link) => void): boolean {
  const follow = (): boolean => {
    const found = opened(location.hash, NAMES);
    noteOnLink(found.at === 'refused' ? `The address carries something else than a link to an answer, which was ignored: ${found.why}.` : '');
    if (found.at === 'nothing') return false;
    history.replaceState(null, '', `${location.pathname}${location.search}`);
    if (found.at !== 'link') return false;
    const { text, model } = found.link;
    const entry = models.find(({ id }) => id === model);
    // Another that reads the like, if there is one.
    const several = isPair(text) || isQuestion(text);
    const first = models.find(({ texts, choices = false }) => (texts !== undefined) === several && choices === isQuestion(text)) ?? models[0];
    if (entry !== undefined) open(entry, found.link);
    else if (first !== undefined) {
      // The text is what somebody wanted read; a class of the other model means nothing here.
      open(first, { text, model: first.id });
      noteOnLink(`The link asks for a model that this page has not, “${clipped(model, 40)}”; ${first.name} reads its text instead.`);
    }
    return first !== undefined;
  };
  addEventListener('hashchange', follow);
  return follow();
}

/** Says what there is to say of a link; nothing takes it away. */
export function noteOnLink(note: string): void {
  byId('link-note').textContent = note;
}
