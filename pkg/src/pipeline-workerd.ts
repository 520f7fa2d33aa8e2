/** `stillglass/pipeline` for workerd. */

import { onWorkerd } from './on-workerd.js';

onWorkerd();

export * from './pipeline.js';
