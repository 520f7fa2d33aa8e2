/** Parts of the page that are loaded later. */

/** Something that is loaded once, when first wanted; what failed is tried again when it is wanted again. */
export class Lazy<T> {
  readonly #load: () => Promise<T>;
  #loading: Promise<T> | undefined;

  constructor(load: () => Promise<T>) {
    this.#load = load;
  }

  /** Loads it, unless that has begun. */
  get(): Promise<T> {
    if (this.#loading !== undefined) return this.#loading;
    const loading = this.#load();
    this.#loading = loading;
    loading.catch(() => (this.#loading = undefined));
    return loading;
  }

  /** What has been begun; nothing before. */
  get begun(): Promise<T> | undefined {
    return this.#loading;
  }

  /** Has it do something, if it is here or on its way. */
  tell(work: (part: T) => void): void {
    this.#loading?.then(work, () => undefined);
  }
}
