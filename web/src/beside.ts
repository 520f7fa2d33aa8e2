/** What stands beside the one text, each part once it is wanted: the other views, and the tools under an answer. */

import { compile } from 'stillglass/client';
import type { Comparison } from './compare.ts';
import { byId } from './dom.ts';
import type { Entry } from './entry.ts';
import { Lazy } from './lazy.ts';
import type { ManyTexts } from './many/page.ts';
import type { Opening } from './many/protocol.ts';
import type { Models } from './models.ts';
import type { Offline, State } from './offline.ts';

/** What the parts need of the page. */
export interface Page {
  models: Models;
  comparison: Comparison;
  offline: Offline;
  entries: () => readonly Entry[];
  chosen: () => Entry | undefined;
  /** The class the reader picked. */
  picked: () => string | undefined;
  /** What is kept of the page here, as far as it is known. */
  kept: () => State | undefined;
  choose: (entry: Entry) => void;
  adopt: (file: File) => Promise<Entry>;
  remove: (entry: Entry) => void;
  /** Shows a text in the view of one text. */
  openText: (text: string) => void;
  /** Hears when a part begins to be loaded, and when that has ended. */
  loading: (now: boolean) => void;
}

/** The parts, none of which is loaded before it is asked for. */
export class Beside {
  /** What else can be done with an answer. */
  readonly tools = new Lazy(() => this.#loadTools());
  readonly views = {
    many: new Lazy(() => this.#loadMany()),
    models: new Lazy(() => this.#loadModels()),
    device: new Lazy(() => this.#loadDevice()),
  };
  /** The reason in words. */
  readonly reason = new Lazy(() => this.#loadReason());
  readonly #page: Page;
  /** Made once, as it listens to the page; only its workers may be called again. */
  #many: ManyTexts | undefined;

  constructor(page: Page) {
    this.#page = page;
  }

  /** Loads a view; what failed is tried again when it is turned to again. */
  open(name: keyof Beside['views']): void {
    const view: Lazy<unknown> = this.views[name];
    if (view.begun !== undefined) return;
    this.#page.loading(true);
    byId(`${name}-problem`).replaceChildren();
    view
      .get()
      .catch(() => {
        byId(`${name}-problem`).textContent = 'This view did not load; turn to it again once there is a network.';
      })
      .finally(() => this.#page.loading(false));
  }

  async #loadTools() {
    const { Tools } = await import('./view/tools.ts');
    const { models, comparison, chosen, picked } = this.#page;
    const askStudent = (texts: string[], signal: AbortSignal) => {
      const entry = chosen();
      return entry === undefined ? Promise.resolve([]) : models.classifyAll(entry, texts, signal, comparison.answer?.labels);
    };
    const askTeacher = (texts: string[], signal: AbortSignal) => comparison.askTeacher(texts, signal);
    const ask = { Student: askStudent, Teacher: askTeacher };
    const under = new Tools({ model: chosen, picked, removal: comparison.removal, ask });
    under.show(comparison.answer);
    return under;
  }

  async #loadReason() {
    const { ReasonPanel } = await import('./view/reason.ts');
    const { models, comparison, chosen } = this.#page;
    return new ReasonPanel({
      ask: (text, options) => {
        const entry = chosen();
        return entry === undefined ? Promise.reject(new Error('there is no model')) : models.reason(entry, text, options);
      },
      look: (attention) => comparison.look(attention),
      said: (text, reason) => comparison.said(text, reason),
    });
  }

  async #loadModels() {
    const { AllModels } = await import('./library/page.ts');
    const { models, entries, chosen, choose, adopt, remove } = this.#page;
    const view = new AllModels({ entries, chosen, choose, adopt, remove, bundle: (entry) => models.fetch(entry) });
    void view.show();
    return view;
  }

  async #loadDevice() {
    const { ThisDevice } = await import('./device/page.ts');
    const { models, comparison, offline, chosen, kept } = this.#page;
    const view = new ThisDevice({
      chosen,
      bundle: (entry) => models.fetch(entry),
      teacherHere: (entry) => comparison.teacherOf(entry),
      bringTeacher: (entry, signal, received) => comparison.bringTeacher(entry, signal, received),
      repair: () => offline.repair(),
      delete: () => void offline.delete(),
    });
    view.show();
    const now = kept();
    if (now !== undefined) view.showKept(now);
    return view;
  }

  async #loadMany() {
    const { ManyTexts } = await import('./many/page.ts');
    const { chosen, openText } = this.#page;
    const view = (this.#many ??= new ManyTexts({ entry: chosen, model: () => this.#opening(), open: openText }));
    const entry = chosen();
    if (entry !== undefined) view.offer(entry);
    await view.ready();
    return view;
  }

  /** The chosen model, for the readers of many texts. */
  async #opening(): Promise<{ name: string; opening: Opening }> {
    const { models, chosen } = this.#page;
    const entry = chosen();
    if (entry === undefined) throw new Error('there is no model; open one under Models');
    const [{ kind, labels, pairs }, bundle, runtime] = await Promise.all([models.open(entry), models.fetch(entry), compile()]);
    return { name: entry.name, opening: { id: entry.id, kind, labels, pairs, bundle, runtime } };
  }
}
