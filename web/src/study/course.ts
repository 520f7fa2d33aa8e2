/** What a rater has rated so far, kept in the browser, and the file that it becomes. */

import { csv } from '../spreadsheet.ts';
import type { Plan, Seat } from './plan.ts';

/** The ratings of one item, in the order of the constructs, 0 where none is chosen yet; and how long they took. */
interface Rated {
  values: number[];
  seconds: number;
}

/** Where ratings are kept; `localStorage`, or what stands in for it. */
export type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** The browser's storage, or one for this visit alone where the browser allows none. */
export function openStore(): Store {
  try {
    return localStorage;
  } catch {
    const content = new Map<string, string>();
    return {
      getItem: (name) => content.get(name) ?? null,
      setItem: () => {
        throw new Error('this browser keeps nothing');
      },
      removeItem: (name) => void content.delete(name),
    };
  }
}

/** One rater's way through a study. */
export class Course {
  readonly seat: Seat;
  readonly #plan: Plan;
  readonly #store: Store;
  readonly #name: string;
  #rated: Record<string, Rated>;

  constructor(plan: Plan, seat: Seat, store: Store) {
    this.seat = seat;
    this.#plan = plan;
    this.#store = store;
    this.#name = `stillglass-study:${plan.study}:${seat.rater}`;
    this.#rated = kept(store.getItem(this.#name), plan);
  }

  /** How many items are rated. */
  get done(): number {
    return this.seat.items.filter(({ id }) => this.#whole(id) !== undefined).length;
  }

  /** The first item that is not; how many there are if all are. */
  get next(): number {
    const open = this.seat.items.findIndex(({ id }) => this.#whole(id) === undefined);
    return open < 0 ? this.seat.items.length : open;
  }

  /** What is chosen of an item, 0 where nothing is. */
  of(id: string): readonly number[] | undefined {
    return this.#rated[id]?.values;
  }

  /** Keeps what is chosen of an item; false where the browser does not store it beyond this visit. */
  rate(id: string, values: number[], seconds: number): boolean {
    const before = this.#rated[id]?.seconds ?? 0;
    const own = { [id]: { values, seconds: before + seconds } };
    // Another tab of the same rater may have rated meanwhile.
    this.#rated = { ...this.#rated, ...kept(this.#store.getItem(this.#name), this.#plan), ...own };
    try {
      this.#store.setItem(this.#name, JSON.stringify(this.#rated));
      return true;
    } catch {
      return false;
    }
  }

  /** Leaves nothing of this rater in the browser. */
  forget(): void {
    this.#rated = {};
    this.#store.removeItem(this.#name);
  }

  /** The ratings as CSV, which `stillglass study analyse` reads: a row an item, checks among them. */
  csv(): string {
    const { constructs, study } = this.#plan;
    const head = ['study', 'rater', 'item', 'check', ...constructs.map(({ name }) => name), 'seconds'];
    const rows = this.seat.items.flatMap(({ id, check }) => {
      const rated = this.#whole(id);
      if (rated === undefined) return [];
      const passed = rated.values.every((value) => value === check) ? 'passed' : 'failed';
      const mark = check === undefined ? '' : passed;
      return [[study, this.seat.rater, id, mark, ...rated.values, Math.round(rated.seconds)]];
    });
    return csv([head, ...rows]);
  }

  /** The ratings of an item if none is missing. */
  #whole(id: string): Rated | undefined {
    const rated = this.#rated[id];
    return rated?.values.every((value) => value > 0) === true ? rated : undefined;
  }
}

/** What was kept, as far as it is of this plan. */
function kept(content: string | null, plan: Plan): Record<string, Rated> {
  const right = (rated: unknown): rated is Rated => {
    const { values, seconds } = (rated ?? {}) as Partial<Rated>;
    const whole = Array.isArray(values) && values.length === plan.constructs.length && typeof seconds === 'number';
    return whole && values.every((value) => Number.isInteger(value) && value >= 0 && value <= plan.scale.length);
  };
  try {
    const found = Object.entries(JSON.parse(content ?? '{}') as Record<string, unknown>);
    return Object.fromEntries(found.filter((entry): entry is [string, Rated] => right(entry[1])));
  } catch {
    return {};
  }
}
