/** How many bytes the page has brought to this tab. */

/** Bytes by part, as sent over the network (compressed where the server compresses). */
export interface Loaded {
  /** All models, not only the chosen one: the others are brought for when there is no network. */
  models: number;
  /** The WebAssembly file. */
  runtime: number;
  /** HTML, styles and scripts. */
  page: number;
}

/** The fields of the browser's own records that are counted. */
type Fetched = Pick<PerformanceResourceTiming, 'name' | 'encodedBodySize'>;

/** Adds up the browser's records of this page load. */
export function loaded(fetched: readonly Fetched[]): Loaded {
  const sum = { models: 0, runtime: 0, page: 0 };
  for (const { name, encodedBodySize } of fetched) {
    const part = name.endsWith('.glass') ? 'models' : name.endsWith('.wasm') ? 'runtime' : 'page';
    sum[part] += encodedBodySize;
  }
  return sum;
}

/** The browser's records: the page itself and everything it fetched. */
export function fetched(): Fetched[] {
  return (['navigation', 'resource'] as const).flatMap(
    (kind) => performance.getEntriesByType(kind) as PerformanceResourceTiming[],
  );
}
