/** The entry for workerd. */

import { onWorkerd } from './on-workerd.js';

onWorkerd();

export * from './index.js';
