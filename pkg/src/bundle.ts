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

/** The bytes of a bundle, wherever it is. */
export async function fetchBundle(source: BundleSource, bringing: Bringing = {}): Promise<Uint8Array<ArrayBuffer>> {
  bringing.signal?.throwIfAborted();
  const { integrity } = bringing;
  const store = storeOf(source, bringing);
  const kept = await store?.whole();
  if (kept !== undefined && (await matches(kept, integrity))) return kept;
  const bytes = await bytesOf(source, bringing, store);
  if (integrity !== undefined) await verify(bytes, integrity);
  await store?.keep(bytes);
  return bytes;
}

async function bytesOf(source: BundleSource, fetching: Fetching, store: Store | undefined): Promise<Uint8Array<ArrayBuffer>> {
  if (source instanceof Uint8Array) return source.slice();
  if (source instanceof ArrayBuffer) return new Uint8Array(source.slice(0));
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  if (source instanceof Response) return new Body(source.url || 'the response').only(source, fetching);
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
