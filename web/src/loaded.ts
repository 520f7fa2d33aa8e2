/** How many bytes the page has brought to this tab. */

/** Bytes by part, as sent over the network (compressed where the server compresses). */
export interface Loaded {
  model: number;
  /** The WebAssembly file. */
  runtime: number;
  /** HTML, styles and scripts. */
  page: number;
}

/** The fields of the browser's own records that are counted. */
type Fetched = Pick<PerformanceResourceTiming, 'name' | 'encodedBodySize'>;

/**
 * Adds up the browser's records of this page load. `modelAddress` names the chosen model;
 * `modelBytes` counts for it where there is no record (a file from disk, an old browser).
 */
export function loaded(fetched: readonly Fetched[], modelAddress: string | undefined, modelBytes: number): Loaded {
  const sum = { model: 0, runtime: 0, page: 0 };
  for (const { name, encodedBodySize } of fetched) {
    if (name === modelAddress) sum.model = encodedBodySize;
    else if (name.endsWith('.wasm')) sum.runtime += encodedBodySize;
    else if (!name.endsWith('.glass')) sum.page += encodedBodySize;
  }
  return { ...sum, model: sum.model || modelBytes };
}

/** The browser's records: the page itself and everything it fetched. */
export function fetched(): Fetched[] {
  return (['navigation', 'resource'] as const).flatMap(
    (kind) => performance.getEntriesByType(kind) as PerformanceResourceTiming[],
  );
}
