/** The view of models: which are here, what their cards say, and one's own. Loaded after the first answer. */

import '../style/views.css';
import './library.css';
import { byId, make } from '../dom.ts';
import { onFile } from '../dropped.ts';
import type { Entry } from '../entry.ts';
import { bytes, messageOf, sentence } from '../format.ts';
import { clearCard, goToCard, showCard } from './card.ts';
import { aboutOf, type About } from './manifest.ts';
import { showShelf } from './shelf.ts';

/** A larger file is no bundle that a tab could hold, with the memory that opening it takes beside. */
const LARGEST = 1_000_000_000;

/** What this view needs of the page around it. */
export interface Host {
  entries: () => readonly Entry[];
  chosen: () => Entry | undefined;
  /** A model's bytes. */
  bundle: (entry: Entry) => Promise<Blob>;
  choose: (entry: Entry) => void;
  /** Opens a file as a model, offers and chooses it; rejects if it cannot be read, and then nothing has changed. */
  adopt: (file: File) => Promise<Entry>;
  remove: (entry: Entry) => void;
}

/** The view. There is one. */
export class AllModels {
  readonly #host: Host;
  readonly #about = new Map<Entry, About>();
  /** The model whose card is shown. */
  #read: Entry | undefined;
  /** The model that was in use when the list was drawn. */
  #used: Entry | undefined;
  /** Counts the drawings: what an earlier one still waits for comes too late. */
  #drawings = 0;

  /** Counts the files that were brought: the last one counts. */
  #takes = 0;

  constructor(host: Host) {
    this.#host = host;
    onFile(byId('own-drop'), () => !byId('all-models').hidden, (file) => void this.#take(file));
  }

  /** Shows what is here now. */
  async show(): Promise<void> {
    const drawing = ++this.#drawings;
    const entries = this.#host.entries();
    this.#draw(entries);
    await Promise.all(entries.map((entry) => this.#learn(entry)));
    if (drawing === this.#drawings) this.#draw(entries);
  }

  #draw(entries: readonly Entry[]): void {
    const chosen = this.#host.chosen();
    const shelved = entries.map((entry) => ({ entry, about: this.#about.get(entry), chosen: entry === chosen }));
    showShelf(shelved, {
      use: (entry) => this.#use(entry),
      read: (entry) => {
        this.#showCard(entry);
        goToCard();
      },
      remove: (entry) => this.#remove(entry),
    });
    // The card of the model in use, until the reader asks for another's.
    if (chosen !== this.#used || this.#read === undefined || !entries.includes(this.#read)) this.#showCard(chosen);
    this.#used = chosen;
  }

  /** Learns what a bundle says of itself, once it is here. */
  async #learn(entry: Entry): Promise<void> {
    if (this.#about.has(entry)) return;
    try {
      this.#about.set(entry, await aboutOf(await this.#host.bundle(entry)));
    } catch {
      // The list says that it is not here, and whoever uses it hears why.
    }
  }

  #showCard(entry: Entry | undefined): void {
    const about = entry && this.#about.get(entry);
    this.#read = about && entry;
    if (entry === undefined || about === undefined) clearCard();
    else showCard(entry.name, about);
  }

  #use(entry: Entry): void {
    this.#say(`The ${entry.name} model is in use.`);
    this.#showCard(entry);
    this.#host.choose(entry);
  }

  #remove(entry: Entry): void {
    this.#about.delete(entry);
    this.#host.remove(entry);
    this.#say(`The ${entry.name} model was removed.`);
    byId('file').focus();
  }

  async #take(file: File): Promise<void> {
    byId('models-problem').replaceChildren();
    this.#say(`Opening ${file.name}…`);
    byId('own-drop').classList.add('busy');
    const take = ++this.#takes;
    try {
      if (file.size > LARGEST) throw new Error(`it has ${bytes(file.size)}, more than a tab can hold; choose a smaller model`);
      const entry = await this.#host.adopt(file);
      await this.#learn(entry);
      // A later file is on its way, which opening this one again would break off.
      if (take === this.#takes) this.#use(entry);
    } catch (error) {
      // Broken off by a later file, it is not refused.
      if (take === this.#takes || !isAbort(error)) this.#refuse(file.name, error);
    } finally {
      if (take === this.#takes) byId('own-drop').classList.remove('busy');
    }
  }

  #refuse(name: string, error: unknown): void {
    this.#say('');
    const detail = sentence(messageOf(error));
    byId('models-problem').replaceChildren(
      make('p', { class: 'problem-title' }, make('bdi', {}, name), ' was not opened'),
      make('p', {}, `${detail} The models above are as they were.`),
    );
  }

  #say(text: string): void {
    byId('models-status').textContent = text;
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
