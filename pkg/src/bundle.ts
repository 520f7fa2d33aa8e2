/** Brings a bundle's bytes: from the network, from what is kept, or from the caller's hands. */

import { Body, type Fetching } from './body.js';
import { StillglassError, messageOf } from './errors.js';
import { digestOf, verify } from './integrity.js';
import { platform } from './platform.js';
import { Store, type Beginning } from './store.js';
import type { BundleSource } from './types.js';

/** How a bundle is brought. */
export interface Bringing extends Fetching {
  /** Its SHA-256, checked before anything reads it. */
  integrity?: string | undefined;
  /** Under which version it is kept in Cache storage; `true` is its `integrity`. Default: it is not. */
  cache?: boolean | string | undefined;
}

/** A bundle, here but not yet read. */
export interface Brought {
  bundle: Blob;
  /** To be told whether the runtime could read it: only what it could is kept, and what it could not is forgotten. */
  proved(good: boolean): Promise<void>;
}

/**
 * Brings a bundle's bytes without opening it: to have it here before it is wanted, and for more than one
 * classifier. A download that breaks is gone on with by range.
 */
export async function fetchBundle(source: BundleSource, options: Omit<Bringing, 'cache'> = {}): Promise<Blob> {
  return (await bring(source, options)).bundle;
}

/** Brings a bundle, wherever it is. */
export async function bring(arriving: BundleSource | Promise<BundleSource>, bringing: Bringing = {}): Promise<Brought> {
  bringing.signal?.throwIfAborted();
  const source = await arriving;
  bringing.signal?.throwIfAborted();
  // A blob holds still, unlike a file: there is nothing to copy.
  if (source instanceof Blob && !(source instanceof File) && bringing.integrity === undefined) {
    return { bundle: source, proved: async () => undefined };
  }
  const store = storeOf(source, bringing);
  const kept = await store?.whole();
  if (kept !== undefined && (await matches(kept, bringing.integrity))) {
    return { bundle: new Blob([kept]), proved: async (good) => void (good || (await store?.forget())) };
  }
  const bytes = await bytesOf(source, bringing, store);
  const proved = async (good: boolean) => (good ? store?.keep(bytes) : store?.forget());
  if (bringing.integrity !== undefined) await check(bytes, bringing.integrity, proved);
  return { bundle: new Blob([bytes]), proved };
}

/** Fails if the bytes are not those promised; then no part of them is gone on from either. */
async function check(bytes: Uint8Array<ArrayBuffer>, integrity: string, proved: Brought['proved']): Promise<void> {
  try {
    await verify(bytes, integrity);
  } catch (error) {
    await proved(false);
    throw error;
  }
}

async function bytesOf(source: BundleSource, fetching: Fetching, store: Store | undefined): Promise<Uint8Array<ArrayBuffer>> {
  if (source instanceof Uint8Array) return source.slice();
  if (source instanceof ArrayBuffer) return new Uint8Array(source.slice(0));
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  if (source instanceof Response) return new Body(source.url || 'the response').only(source, fetching);
  if ((typeof source !== 'string' && !(source instanceof URL)) || source === '') {
    throw new StillglassError('bad-argument', 'the bundle: want its address, a Response, a Blob, an ArrayBuffer or a Uint8Array');
  }
  return (await readFile(source)) ?? download(String(source), fetching, store);
}

/** Downloads; what breaks off for good leaves its beginning for the next time, if bundles are kept. */
async function download(address: string, fetching: Fetching, store: Store | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const body = new Body(address, await store?.beginning());
  try {
    return await body.fetch(fetching);
  } catch (error) {
    const { beginning }: { beginning?: Beginning | undefined } = body;
    if (beginning !== undefined) await store?.keepBeginning(beginning);
    throw error;
  }
}

async function readFile(address: URL | string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await platform.read?.(address);
  } catch (cause) {
    throw new StillglassError('fetch-failed', `${String(address)} could not be read: ${messageOf(cause)}`, { cause });
  }
}

function storeOf(source: BundleSource, { cache, integrity }: Bringing): Store | undefined {
  if (cache === undefined || cache === false) return undefined;
  if (cache === true && integrity === undefined) {
    throw new StillglassError('bad-argument', 'cache: true keeps a bundle under its `integrity`, which is missing; give that, or a version');
  }
  const version = cache === true ? digestOf(integrity ?? '') : cache;
  const address = typeof source === 'string' || source instanceof URL;
  return address ? new Store(absolute(source), version) : undefined;
}

/** The same address from whichever page of the site it is asked. */
function absolute(address: URL | string): string {
  try {
    return new URL(address, globalThis.location?.href).href;
  } catch {
    return String(address);
  }
}

async function matches(bytes: Uint8Array<ArrayBuffer>, integrity: string | undefined): Promise<boolean> {
  if (integrity === undefined) return true;
  return verify(bytes, integrity).then(
    () => true,
    () => false,
  );
}
