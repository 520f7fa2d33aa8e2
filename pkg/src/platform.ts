/** What an entry for another place than a page tells the rest of the package. */

import type { RuntimeSource } from './types.js';

/** Where the package runs, as far as that differs from a page; an entry fills this in before any call. */
export interface Platform {
  /** The runtime, where it is not fetched from beside this package. */
  wasm?: () => RuntimeSource | Promise<RuntimeSource>;
  /** Reads addresses that `fetch` does not; none for those it does. */
  read?: (address: URL | string) => Promise<Uint8Array<ArrayBuffer>> | undefined;
  /** Whether work is done on the caller's thread unless asked otherwise. */
  ownThread?: boolean;
}

/** The one platform of this copy of the package. */
export const platform: Platform = {};
