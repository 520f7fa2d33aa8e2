/** Copying, saving and linking an answer. */

import type { Classification } from 'stillglass';
import type { Answer, Reader } from '../answer/answer.ts';
import { fragment, LONGEST } from '../answer/link.ts';
import { asCsv, asJson, asText, fileName, type Saved } from '../answer/record.ts';
import { wordsOut } from '../answer/removal.ts';
import { byId } from '../dom.ts';
import { count } from '../format.ts';
import { download } from './download.ts';
import { drawing } from './drawing.ts';
import { pageOf } from './saved-page.ts';
import type { Host } from './tools.ts';

/** What can be saved: how it is made, and what it is. */
const FILES: Record<string, { type: string; content: (saved: Saved) => string }> = {
  json: { type: 'application/json', content: asJson },
  csv: { type: 'text/csv', content: asCsv },
  svg: { type: 'image/svg+xml', content: drawing },
  html: { type: 'text/html', content: pageOf },
};

const says = byId('keep-says');
const byHand = byId<HTMLTextAreaElement>('by-hand');
const copyLink = byId<HTMLButtonElement>('copy-link');

/** The tool, for the answer that is shown. */
export class KeepTool {
  readonly #host: Host;
  readonly #after: () => ReadonlyMap<Reader['name'], Classification>;
  #answer: Answer | undefined;

  /** `after` is what the readers say without the words that are out. */
  constructor(host: Host, after: () => ReadonlyMap<Reader['name'], Classification>) {
    this.#host = host;
    this.#after = after;
    for (const [kind, { type, content }] of Object.entries(FILES)) {
      byId(`save-${kind}`).addEventListener('click', () => this.#save(kind, type, content));
    }
    byId('copy-answer').addEventListener('click', () => void this.#copy(() => asText(this.#saved()!)));
    copyLink.addEventListener('click', () => void this.#copyLink());
  }

  /** Turns to an answer. */
  show(answer: Answer | undefined): void {
    if (answer?.text !== this.#answer?.text) this.#say('');
    this.#answer = answer;
    const own = this.#host.model();
    const linked = own === undefined || typeof own.source === 'string';
    copyLink.hidden = !linked;
    byId('link-about').textContent = linked
      ? 'The link carries model, class and text behind its #, a part that browsers send to no server; but whoever gets the link can read the text.'
      : `“${own.name}” is a model of your own, which a link cannot name: send its file along, or save a page.`;
  }

  #saved(): Saved | undefined {
    const [answer, model] = [this.#answer, this.#host.model()];
    if (answer === undefined || model === undefined) return undefined;
    const words = wordsOut(answer.student.words, this.#host.removal.removed);
    const out = words.length === 0 ? undefined : { words, after: this.#after() };
    return { answer, model: { name: model.name, id: model.id }, out, made: new Date(), version: __VERSION__ };
  }

  #save(kind: string, type: string, content: (saved: Saved) => string): void {
    const saved = this.#saved();
    if (saved === undefined) return;
    const name = fileName(saved, kind);
    download(name, new Blob([content(saved)], { type }));
    this.#say(`Saved as ${name}.`);
  }

  async #copyLink(): Promise<void> {
    const [answer, model] = [this.#answer, this.#host.model()];
    if (answer === undefined || model === undefined) return;
    const behind = fragment({ text: answer.text, model: model.id, label: this.#host.picked() });
    if (behind === undefined) this.#say(`This text is too long for a link, which holds ${count(LONGEST)} characters at most. Save a page instead.`);
    else await this.#copy(() => `${location.origin}${location.pathname}${location.search}${behind}`);
  }

  async #copy(content: () => string): Promise<void> {
    if (this.#answer === undefined) return;
    const text = content();
    try {
      await navigator.clipboard.writeText(text);
      this.#say('Copied.');
    } catch {
      this.#say('The browser did not let the page copy; here it is to copy by hand.');
      byHand.value = text;
      byHand.hidden = false;
      byHand.select();
    }
  }

  #say(message: string): void {
    says.textContent = message;
    byHand.hidden = true;
    byHand.value = '';
  }
}
