/** Bundles kept in the browser's Cache storage: whole ones by version, and beginnings to go on from. */

import { sha256 } from './integrity.js';

/** All of this package's entries; the number goes up when their form changes. */
const CACHE = 'stillglass-1';

const DIGEST = 'x-stillglass-sha256';
const VALIDATOR = 'x-stillglass-validator';
const TOTAL = 'x-stillglass-total';

/** The beginning of a body. */
export interface Beginning {
  bytes: Uint8Array<ArrayBuffer>;
  /** The server's name for this state of the file: its `ETag` or `Last-Modified`. */
  validator: string;
  /** Bytes of the whole. */
  total: number;
}

/** What is kept of one address, under one version. Whatever the browser refuses is as if nothing were kept. */
export class Store {
  readonly #prefix: string;
  readonly #key: string;

  constructor(address: string, version: string) {
    // Not the address itself: a cache takes no schemes but http, and the page may have entries of its own.
    this.#prefix = `https://stillglass.invalid/${encodeURIComponent(address)}/`;
    this.#key = this.#prefix + encodeURIComponent(version);
  }

  /** The whole bundle, if it is kept and has not been damaged. */
  async whole(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const kept = await this.#match(this.#key);
    if (kept === undefined) return undefined;
    const bytes = new Uint8Array(await kept.arrayBuffer());
    if (kept.headers.get(DIGEST) === (await sha256(bytes))) return bytes;
    await this.forget();
    return undefined;
  }

  /** Keeps the whole bundle in place of every other version, if there is room. */
  async keep(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.forget();
    await this.#put(this.#key, bytes, async () => ({ [DIGEST]: await sha256(bytes) }));
  }

  /** What has come of a body that broke off. */
  async beginning(): Promise<Beginning | undefined> {
    const kept = await this.#match(`${this.#key}/beginning`);
    const validator = kept?.headers.get(VALIDATOR);
    if (kept === undefined || !validator) return undefined;
    return { bytes: new Uint8Array(await kept.arrayBuffer()), validator, total: Number(kept.headers.get(TOTAL)) };
  }

  /** Keeps the beginning of a body, to be gone on from, if there is room. */
  async keepBeginning({ bytes, validator, total }: Beginning): Promise<void> {
    await this.#put(`${this.#key}/beginning`, bytes, async () => ({ [VALIDATOR]: validator, [TOTAL]: String(total) }));
  }

  /** Forgets every version of this address. */
  async forget(): Promise<void> {
    try {
      const cache = await caches.open(CACHE);
      const ours = (await cache.keys()).filter(({ url }) => url.startsWith(this.#prefix));
      await Promise.all(ours.map((request) => cache.delete(request)));
    } catch {
      // No Cache storage here, or it is forbidden: nothing is kept.
    }
  }

  async #match(key: string): Promise<Response | undefined> {
    try {
      return await (await caches.open(CACHE)).match(key);
    } catch {
      return undefined;
    }
  }

  async #put(key: string, bytes: Uint8Array<ArrayBuffer>, headersOf: () => Promise<Record<string, string>>): Promise<void> {
    try {
      const cache = await caches.open(CACHE);
      await cache.put(key, new Response(bytes, { headers: await headersOf() }));
    } catch {
      // Over quota, forbidden, or on plain http neither Cache storage nor SHA-256: nothing is kept.
    }
  }
}
