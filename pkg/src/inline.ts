/** The entry with the runtime inside: one script, nothing else to serve. Works on the caller's thread unless told. */

import { INLINED } from './inlined.js';
import { platform } from './platform.js';

platform.ownThread = true;
platform.wasm = async () => {
  const deflated = Uint8Array.from(atob(INLINED), (byte) => byte.charCodeAt(0));
  const inflated = new Blob([deflated]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Response(inflated).arrayBuffer();
};

export * from './index.js';
