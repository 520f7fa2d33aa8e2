/** A table of which only the rows in sight exist, with one row that keys move. */

import { Virtualizer, elementScroll, observeElementOffset, observeElementRect } from '@tanstack/virtual-core';
import { make } from '../../dom.ts';

/** Rows drawn above and below those in sight. */
const AROUND = 8;

/** What a window shows, and where. */
export interface Panes {
  scroller: HTMLElement;
  body: HTMLElement;
  /** Height of every row, and of the head that stays on top, in CSS pixels. */
  height: number;
  head: number;
  /** A new row for a place; it is filled later. */
  row: (place: number) => HTMLElement;
  /** Hears which places are drawn, from one up to another. */
  drawn: (from: number, to: number) => void;
}

/** The window over a long table. Rows that stay in sight stay the same elements, so that focus stays too. */
export class TableWindow {
  readonly #panes: Panes;
  readonly #rows = new Map<number, HTMLElement>();
  readonly #virtualizer: Virtualizer<HTMLElement, HTMLElement>;
  #active = 0;

  constructor(panes: Panes) {
    this.#panes = panes;
    this.#virtualizer = new Virtualizer<HTMLElement, HTMLElement>({
      count: 0,
      getScrollElement: () => panes.scroller,
      estimateSize: () => panes.height,
      overscan: AROUND,
      scrollPaddingStart: 0,
      scrollPaddingEnd: panes.head,
      scrollToFn: elementScroll,
      observeElementRect,
      observeElementOffset,
      onChange: () => this.#draw(),
    });
    this.#virtualizer._didMount();
    this.#virtualizer._willUpdate();
    panes.body.addEventListener('keydown', (event) => this.#key(event));
    panes.body.addEventListener('focusin', ({ target }) => this.#focused(target as HTMLElement));
  }

  /** The rows drawn now, by their places. */
  get rows(): ReadonlyMap<number, HTMLElement> {
    return this.#rows;
  }

  /** Shows so many rows anew, from the first. */
  show(count: number): void {
    this.#rows.clear();
    this.#active = 0;
    this.#panes.body.replaceChildren();
    this.#panes.scroller.scrollTop = 0;
    this.#virtualizer.setOptions({ ...this.#virtualizer.options, count });
    this.#virtualizer._willUpdate();
    this.#draw();
  }

  get #count(): number {
    return this.#virtualizer.options.count;
  }

  /** What is in sight with what is around, and the row that has the focus or would get it. */
  #places(): number[] {
    const near = this.#virtualizer.getVirtualItems().map(({ index }) => index);
    const [from = 0] = near;
    const to = near.at(-1) ?? -1;
    this.#panes.drawn(from, to + 1);
    if (this.#active >= this.#count || (this.#active >= from && this.#active <= to)) return near;
    this.#panes.drawn(this.#active, this.#active + 1);
    return this.#active < from ? [this.#active, ...near] : [...near, this.#active];
  }

  #draw(): void {
    const { body, height } = this.#panes;
    const places = this.#places();
    const wanted = new Set(places);
    for (const gap of body.querySelectorAll('.gap')) gap.remove();
    for (const [place, row] of this.#rows) {
      if (wanted.has(place)) continue;
      row.remove();
      this.#rows.delete(place);
    }
    let next = body.firstElementChild;
    let end = 0;
    for (const place of places) {
      if (place > end) body.insertBefore(this.#gap((place - end) * height), next);
      const row = this.#row(place);
      if (row === next) next = next.nextElementSibling;
      else body.insertBefore(row, next);
      end = place + 1;
    }
    if (this.#count > end) body.append(this.#gap((this.#count - end) * height));
  }

  #row(place: number): HTMLElement {
    const known = this.#rows.get(place);
    if (known !== undefined) return known;
    const row = this.#panes.row(place);
    row.setAttribute('aria-rowindex', String(place + 2));
    this.#rows.set(place, row);
    this.#reach(row, place === this.#active);
    return row;
  }

  #gap(height: number): HTMLElement {
    const cell = make('td');
    cell.style.height = `${height}px`;
    return make('tr', { class: 'gap', 'aria-hidden': 'true' }, cell);
  }

  /** One stop for Tab; arrow keys do the rest. */
  #reach(row: HTMLElement, reachable: boolean): void {
    const button = row.querySelector('button');
    if (button !== null) button.tabIndex = reachable ? 0 : -1;
  }

  #focused(target: HTMLElement): void {
    for (const [place, row] of this.#rows) if (row.contains(target)) this.#activate(place);
  }

  #activate(place: number): void {
    const before = this.#rows.get(this.#active);
    if (before !== undefined) this.#reach(before, false);
    this.#active = place;
    const now = this.#rows.get(place);
    if (now !== undefined) this.#reach(now, true);
  }

  #key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor((this.#panes.scroller.clientHeight - this.#panes.head) / this.#panes.height) - 1);
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.#count,
      End: this.#count,
    };
    const step = steps[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.#activate(Math.max(0, Math.min(this.#count - 1, this.#active + step)));
    this.#virtualizer.scrollToIndex(this.#active);
    this.#draw();
    this.#rows.get(this.#active)?.querySelector('button')?.focus({ preventScroll: true });
  }
}
