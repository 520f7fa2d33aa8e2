/** `stillglass/pipeline` for Node. */

import { onNode } from './on-node.js';

onNode();

export * from './pipeline.js';
