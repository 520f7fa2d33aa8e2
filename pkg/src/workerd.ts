/** The entry for workerd, which compiles WebAssembly when it deploys, and not while it runs. */

import module from './stillglass_bg.wasm';
import { platform } from './platform.js';

platform.ownThread = true;
platform.wasm = () => module;

export * from './index.js';
