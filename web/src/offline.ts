/** Keeping the page on this device: stored by a service worker, mended, deleted. No DOM here. */

import { forgetTimings } from './timings.ts';

/** Where the keeping is. */
export type State =
  /** The browser keeps nothing: too old, a private window, no HTTPS, or a page under development. */
  | { at: 'impossible' }
  | { at: 'storing' }
  /** The next visit needs no network. */
  | { at: 'stored'; bytes: number | undefined }
  /** A new version is stored and waits for its turn. */
  | { at: 'newer'; bytes: number | undefined }
  /** Nothing is stored any more; the next visit will store it again. */
  | { at: 'deleted' }
  | { at: 'failed'; error: unknown };

/** Where teachers are kept, as `vite.config.ts` names it; all other files are under names with the page's own address. */
const TEACHERS = 'stillglass-teachers';

/** Marks a tab that has mended the storing once: not twice, should that not help. */
const MENDED = 'stillglass mended';

/** Begins keeping the page; `changed` hears of every new state, `leaving` before the page is reloaded. */
export class Offline {
  readonly #changed: (state: State) => void;
  readonly #leaving: () => void;
  readonly #workers = import.meta.env.PROD ? navigator.serviceWorker : undefined;
  #registration: ServiceWorkerRegistration | undefined;
  #begun: Promise<void> | undefined;
  #deleted = false;

  constructor(changed: (state: State) => void, leaving: () => void) {
    this.#changed = changed;
    this.#leaving = leaving;
    let controlled = this.#workers?.controller != null;
    this.#workers?.addEventListener('controllerchange', () => {
      // Where an old version gives way: a page and a worker of two versions must not meet.
      if (controlled) this.#reload();
      controlled = true;
    });
  }

  /** Stores everything the page needs, unless it is stored; once for each visit. */
  store(): Promise<void> {
    return (this.#begun ??= this.#store());
  }

  async #store(): Promise<void> {
    const workers = this.#workers;
    if (workers === undefined) return this.#changed({ at: 'impossible' });
    this.#changed({ at: 'storing' });
    try {
      // The browser may have cleared what the worker had stored, and a worker stores only when it is installed.
      const robbed = workers.controller !== null && (await storedPages()) === 0;
      if (robbed && navigator.onLine && sessionStorage.getItem(MENDED) === null) {
        sessionStorage.setItem(MENDED, 'yes');
        await this.repair();
        return;
      }
      const registration = await workers.register('sw.js');
      this.#registration = registration;
      registration.addEventListener('updatefound', () => this.#follow(registration.installing));
      this.#follow(registration.installing);
      await this.#tell();
    } catch (error) {
      this.#changed({ at: 'failed', error });
    }
  }

  /** Lets the version that waits take over; every tab then loads it. */
  update(): void {
    this.#registration?.waiting?.postMessage({ type: 'SKIP_WAITING' });
  }

  /** Fetches everything anew; says whether it could: where the server cannot be reached, what is stored stays. */
  async repair(): Promise<boolean> {
    // The worker never answers for its own script.
    const reached = await fetch('sw.js', { cache: 'no-store' }).then(({ ok }) => ok, () => false);
    if (!reached) return false;
    await this.#forget();
    this.#reload();
    return true;
  }

  /** Deletes all that this page has stored here. */
  async delete(): Promise<void> {
    this.#deleted = true;
    await this.#forget();
    forgetTimings();
    this.#changed({ at: 'deleted' });
  }

  async #forget(): Promise<void> {
    await (await this.#workers?.getRegistration())?.unregister();
    for (const name of await ownCaches()) await caches.delete(name);
  }

  #reload(): void {
    this.#leaving();
    location.reload();
  }

  #follow(worker: ServiceWorker | null): void {
    worker?.addEventListener('statechange', () => {
      if (worker.state === 'redundant' && this.#registration?.active == null && !this.#deleted) {
        this.#changed({ at: 'failed', error: new Error('the files could not all be stored') });
      } else void this.#tell();
    });
  }

  async #tell(): Promise<void> {
    const { active, waiting } = this.#registration ?? {};
    const bytes = await storedBytes();
    if (this.#deleted) return;
    if (waiting != null && active != null) this.#changed({ at: 'newer', bytes });
    else if (active?.state === 'activated') this.#changed({ at: 'stored', bytes });
  }
}

/** Lets go of a stored file that could not be read, so that the next try fetches it anew. */
export async function forgetStored(address: string): Promise<void> {
  if (!('caches' in globalThis)) return;
  for (const name of await ownCaches()) await (await caches.open(name)).delete(address, { ignoreSearch: true });
}

/** The names of this page's caches; others of the same host are none of its business. */
async function ownCaches(): Promise<string[]> {
  const scope = new URL('./', location.href).href;
  return (await caches.keys()).filter((name) => name === TEACHERS || name.endsWith(scope));
}

/** How many files are stored as pages of the page itself. */
async function storedPages(): Promise<number> {
  const stored = await Promise.all((await ownCaches()).map(async (name) => (await caches.open(name)).keys()));
  return stored.flat().filter(({ url }) => new URL(url).pathname.endsWith('.html')).length;
}

/** What the browser counts as this site's, roughly; nothing where it does not say. */
async function storedBytes(): Promise<number | undefined> {
  return (await navigator.storage?.estimate())?.usage;
}
