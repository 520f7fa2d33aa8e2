/** Brings a bundle's bytes. */

import { StillglassError, messageOf } from './errors.js';
import type { BundleSource } from './types.js';

/** The bytes of a bundle, wherever it is; `signal` stops the fetching. */
export async function fetchBundle(source: BundleSource, signal?: AbortSignal): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  let response: Response;
  try {
    response = source instanceof Response ? source : await fetch(source, signal ? { signal } : {});
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new StillglassError('fetch-failed', `the bundle could not be fetched: ${messageOf(cause)}`, { cause });
  }
  throw new StillglassError(
    'fetch-failed',
    `the bundle could not be fetched: the server answered ${response.status} for ${response.url}`,
  );
}
