/** What axe finds on a page: the rules of WCAG 2.2, levels A and AA. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Fails with what axe finds on the page as it stands. */
export async function assertAccessible(page, view) {
  // Through the debugger, which no policy of the page holds up.
  const debug = await page.context().newCDPSession(page);
  await debug.send('Runtime.evaluate', { expression: `${AXE};void 0` });
  const { violations, passes } = await page.evaluate((rules) => globalThis.axe.run(document, { runOnly: rules }), RULES);
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html} ${any.map(({ message }) => message).join()}`).join('; ')}`);
  assert.deepEqual(told, [], view);
  assert.ok(passes.length > 20, `${view}: axe looked at little`);
}
