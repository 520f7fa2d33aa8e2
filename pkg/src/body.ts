/** The body of one address: what has come of it so far, and the rest by range if the line breaks. */

import { StillglassError, messageOf } from './errors.js';
import type { Beginning } from './store.js';

/** What may accompany the fetching: a signal that stops it, and who hears how much is here. */
export interface Fetching {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: { loaded: number; total: number | undefined }) => void) | undefined;
}

/** How often a broken body is gone on with before it is given up. */
const ATTEMPTS = 3;
/** Milliseconds before going on; doubled each time. */
const PAUSE = 200;

/** A body on its way. */
export class Body {
  readonly #address: string;
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #loaded = 0;
  #total: number | undefined;
  #validator: string | undefined;

  constructor(address: string, beginning?: Beginning) {
    this.#address = address;
    if (beginning === undefined) return;
    this.#append(beginning.bytes);
    ({ total: this.#total, validator: this.#validator } = beginning);
  }

  /** Fetches what is missing. A body that stays short is an error. */
  async fetch(fetching: Fetching): Promise<Uint8Array<ArrayBuffer>> {
    for (let attempt = 1; ; attempt++) {
      const broken = await this.#attempt(fetching);
      if (broken === undefined) return this.#bytes();
      if (attempt === ATTEMPTS || !this.#resumable) throw this.#short(broken.cause);
      await pause(PAUSE * 2 ** (attempt - 1), fetching.signal);
    }
  }

  /** What has come, if it can be gone on from another time. */
  get beginning(): Beginning | undefined {
    if (!this.#resumable || this.#total === undefined || this.#validator === undefined) return undefined;
    return { bytes: this.#bytes(), validator: this.#validator, total: this.#total };
  }

  /** One request; tells what broke it, if anything did once some of the body was here. */
  async #attempt(fetching: Fetching): Promise<{ cause: unknown } | undefined> {
    try {
      await this.read(await this.#request(fetching.signal), fetching);
    } catch (cause) {
      if (fetching.signal?.aborted || cause instanceof StillglassError) throw cause;
      if (this.#loaded === 0) throw new StillglassError('fetch-failed', `${this.#address} could not be fetched: ${messageOf(cause)}`, { cause });
      return { cause };
    }
    return this.#complete ? undefined : { cause: undefined };
  }

  async #request(signal: AbortSignal | undefined): Promise<Response> {
    const headers: HeadersInit = this.#resumable ? { range: `bytes=${this.#loaded}-` } : {};
    const response = await fetch(this.#address, { headers, ...(signal && { signal }) });
    if (!this.#resumable || this.#continues(response)) return response;
    // Another file by now, or a server without ranges: from the start.
    this.#reset();
    return response.status === 200 ? response : fetch(this.#address, signal ? { signal } : {});
  }

  /** Appends a response's body. */
  async read(response: Response, { onProgress }: Fetching): Promise<void> {
    if (!response.ok) {
      throw new StillglassError('fetch-failed', `the server answered ${response.status} for ${this.#address}`);
    }
    this.#total ??= length(response);
    this.#validator ??= validator(response);
    const reader = response.body?.getReader();
    for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
      this.#append(part.value);
      onProgress?.({ loaded: this.#loaded, total: this.#total });
    }
  }

  /** The whole body of one response; one that is short is an error. */
  async only(response: Response, fetching: Fetching): Promise<Uint8Array<ArrayBuffer>> {
    try {
      await this.read(response, fetching);
    } catch (cause) {
      if (fetching.signal?.aborted || cause instanceof StillglassError) throw cause;
      throw this.#short(cause);
    }
    if (!this.#complete) throw this.#short(undefined);
    return this.#bytes();
  }

  /** Whether a response is the rest of what is here. */
  #continues(response: Response): boolean {
    const fits = response.headers.get('content-range')?.startsWith(`bytes ${this.#loaded}-`) === true;
    return response.status === 206 && fits && validator(response) === this.#validator;
  }

  get #resumable(): boolean {
    return this.#loaded > 0 && this.#validator !== undefined && this.#total !== undefined && this.#loaded < this.#total;
  }

  get #complete(): boolean {
    return this.#total === undefined || this.#loaded === this.#total;
  }

  #append(bytes: Uint8Array<ArrayBuffer>): void {
    this.#chunks.push(bytes);
    this.#loaded += bytes.length;
  }

  #reset(): void {
    this.#chunks = [];
    this.#loaded = 0;
    this.#total = this.#validator = undefined;
  }

  #bytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#loaded);
    let at = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [bytes];
    return bytes;
  }

  #short(cause: unknown): StillglassError {
    const of = this.#total === undefined ? '' : ` of ${this.#total}`;
    const why = cause === undefined ? '' : `: ${messageOf(cause)}`;
    return new StillglassError('short-body', `${this.#address} ended after ${this.#loaded}${of} bytes${why}; load it again`, { cause });
  }
}

/** Bytes of the whole body; none where the header counts compressed bytes, or may do so unseen. */
function length({ headers, type }: Response): number | undefined {
  const stated = headers.get('content-length');
  return stated === null || headers.has('content-encoding') || type === 'cors' ? undefined : Number(stated);
}

/** What names this state of the file. */
function validator({ headers }: Response): string | undefined {
  return headers.get('etag') ?? headers.get('last-modified') ?? undefined;
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', stop, { once: true });
  });
}
