/**
 * `<stillglass-explain model="/finance.glass">Some text</stillglass-explain>`: the text's class and the words
 * that made it so. Until the answer is there, and if it never comes, the text is shown as it is. A model of pairs reads
 * the texts of two elements in it.
 */

import { StillglassError } from './errors.js';
import { sentence, verdict, words } from './element-view.js';
import { styles } from './element-style.js';
import { lend, type Loan } from './loan.js';
import type { Answer, Pair, Text } from './types.js';

/** On a server there are no elements; importing is harmless all the same. */
const Base: typeof HTMLElement = globalThis.HTMLElement ?? class {};

/**
 * The element. Attributes: `model`, the bundle's address; `label`, the class to explain, by default the
 * predicted one; `integrity`; `worker`, the address of the worker's script, or `off`; `values`, to show numbers.
 * It fires `stillglass-answer` and `stillglass-error` with the answer and the error as `detail`.
 */
export class StillglassExplain extends Base {
  static readonly observedAttributes = ['model', 'label', 'integrity', 'worker'];

  /** The newest answer; none once a call has failed or the model was taken away. */
  answer: Answer | undefined;
  #loan: Loan | undefined;
  #asked = new AbortController();
  readonly #watch = new MutationObserver(() => void this.#update());

  /** The text; setting it replaces what the element holds. */
  get text(): string {
    return (this.textContent ?? '').trim();
  }

  set text(text: string) {
    this.textContent = text;
  }

  /** The texts of its two elements, for a model of pairs; nothing if it does not hold two. Setting it replaces what the element holds. */
  get pair(): Pair | undefined {
    const [first, second, ...more] = [...this.children].map(({ textContent }) => (textContent ?? '').trim());
    return first === undefined || second === undefined || more.length > 0 ? undefined : [first, second];
  }

  set pair(pair: Pair) {
    this.replaceChildren(...pair.map((text) => Object.assign(document.createElement('p'), { textContent: text })));
  }

  connectedCallback(): void {
    if (this.shadowRoot === null) this.#build();
    this.#watch.observe(this, { childList: true, characterData: true, subtree: true });
    this.#borrow();
  }

  disconnectedCallback(): void {
    this.#watch.disconnect();
    this.#return();
  }

  attributeChangedCallback(name: string): void {
    if (!this.isConnected || this.shadowRoot === null) return;
    if (name === 'label') void this.#update();
    else this.#borrow();
  }

  #build(): void {
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [styles()];
    const part = (tag: string, name: string, role?: string) => {
      const element = document.createElement(tag);
      element.setAttribute('part', name);
      if (role !== undefined) element.setAttribute('role', role);
      return element;
    };
    root.append(part('p', 'verdict'), part('p', 'words', 'group'), part('p', 'summary', 'status'), part('p', 'error', 'alert'));
    root.append(document.createElement('slot'));
  }

  #borrow(): void {
    this.#return();
    const model = this.getAttribute('model');
    if (model === null) return this.#empty();
    this.#loan = lend(model, this.getAttribute('integrity') ?? undefined, this.getAttribute('worker') ?? undefined);
    void this.#update();
  }

  #return(): void {
    this.#asked.abort();
    this.#loan?.giveBack();
    this.#loan = undefined;
  }

  async #update(): Promise<void> {
    this.#asked.abort();
    const { signal } = (this.#asked = new AbortController());
    try {
      const classifier = await this.#loan?.classifier;
      if (classifier === undefined || signal.aborted) return;
      const text = classifier.info.pairs ? this.#two() : this.text;
      const answer = await classifier.classify(text, { explain: true, signal });
      this.#show(text, answer, this.#chosen(answer));
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  #two(): Pair {
    const { pair } = this;
    if (pair !== undefined) return pair;
    throw new StillglassError('bad-argument', 'this model reads pairs: put each of the two texts into an element of its own, such as <p>…</p><p>…</p>');
  }

  /** The class to explain. */
  #chosen({ label, scores }: Answer): string {
    const chosen = this.getAttribute('label') ?? label;
    if (Object.hasOwn(scores, chosen)) return chosen;
    throw new StillglassError('bad-argument', `label="${chosen}": the model has ${Object.keys(scores).join(', ')}`);
  }

  #show(text: Text, answer: Answer, label: string): void {
    this.answer = answer;
    this.#fill('verdict', verdict(answer, label));
    this.#fill('words', words(text, answer, label));
    this.#fill('summary', [sentence(answer, label)]);
    this.#fill('error', []);
    this.#part('words').setAttribute('aria-label', `Words and what they gave to ${label}`);
    this.dataset['state'] = 'answered';
    this.dispatchEvent(new CustomEvent('stillglass-answer', { detail: answer, bubbles: true, composed: true }));
  }

  #fail(error: unknown): void {
    this.#empty();
    this.#fill('error', [error instanceof Error ? error.message : String(error)]);
    this.dataset['state'] = 'failed';
    this.dispatchEvent(new CustomEvent('stillglass-error', { detail: error, bubbles: true, composed: true }));
  }

  /** Takes back what was shown: it is of another text, or of a model that is gone. */
  #empty(): void {
    this.answer = undefined;
    for (const name of ['verdict', 'words', 'summary', 'error']) this.#fill(name, []);
    delete this.dataset['state'];
  }

  #fill(name: string, content: (Node | string)[]): void {
    this.#part(name).replaceChildren(...content);
  }

  #part(name: string): Element {
    const found = this.shadowRoot?.querySelector(`[part=${name}]`);
    if (!found) throw new Error(`stillglass-explain has no part ${name}`);
    return found;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'stillglass-explain': StillglassExplain;
  }
}

if (globalThis.customElements !== undefined && customElements.get('stillglass-explain') === undefined) {
  customElements.define('stillglass-explain', StillglassExplain);
}
