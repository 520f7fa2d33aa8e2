/** What is different in Node: files are read by path and `file:` address, which its `fetch` does not; no worker. */

import { readFile } from 'node:fs/promises';
import { platform } from './platform.js';

/** To be called by every entry for Node that loads models. */
export function onNode(): void {
  platform.ownThread = true;
  platform.read = (address) => {
    const text = String(address);
    if (text.startsWith('file:')) return readFile(new URL(text));
    // With a drive's letter it is a path.
    return /^[a-z][a-z0-9+.-]+:/i.test(text) ? undefined : readFile(text);
  };
}
