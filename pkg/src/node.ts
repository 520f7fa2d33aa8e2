/** The entry for Node. */

import { onNode } from './on-node.js';

onNode();

export * from './index.js';
