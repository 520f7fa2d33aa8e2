/** What is different in workerd: WebAssembly is compiled when it deploys, and not while it runs; no worker. */

import module from './stillglass_bg.wasm';
import { platform } from './platform.js';

/** To be called by every entry for workerd that loads models. */
export function onWorkerd(): void {
  platform.ownThread = true;
  platform.wasm = () => module;
}
