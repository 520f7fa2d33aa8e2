/** A file of a hundred thousand texts: how fast, how much memory, and whether the page stays at hand. Minutes long, so only with STILLGLASS_FULL=1. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { FULL } from '../browser.mjs';
import { csvOf, done, drawnRows, drop, headlines, turnToMany } from '../dropping.mjs';
import { visiting } from '../page.mjs';

const ROWS = 100_000;
/** What a task of the page may last in milliseconds: what the Long Tasks API reports is longer. */
const LONGEST_TASK = 50;
/** Below this many texts a second the machine is busy with other things, and tasks wait amid their work. */
const CALM = 4_000;
/** How much the page's own heap, and the memory of its process, may grow while it reads, in bytes. */
const GROWTH = { heap: 24e6, resident: 250e6 };

const site = visiting();

/** Records what the page's main thread does; returns what ends that and tells each long task's processor time. */
async function recordTasks(page) {
  const debug = await page.context().newCDPSession(page);
  const events = [];
  debug.on('Tracing.dataCollected', ({ value }) => {
    for (const event of value) if (event.name === 'RunTask' && event.tdur > LONGEST_TASK * 1000 || event.name === 'thread_name') events.push(event);
  });
  await debug.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['disabled-by-default-devtools.timeline'], recordMode: 'recordContinuously' } });
  return async () => {
    const complete = new Promise((resolve) => debug.once('Tracing.tracingComplete', resolve));
    await debug.send('Tracing.end');
    await complete;
    const mains = new Set(events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`));
    assert.ok(mains.size > 0, 'no main thread was recorded');
    return events.filter(({ name, pid, tid }) => name === 'RunTask' && mains.has(`${pid} ${tid}`)).map(({ tdur }) => tdur / 1000);
  };
}

/** Resident bytes of all renderer processes: pages and their workers. */
async function resident(page) {
  const debug = await page.context().browser().newBrowserCDPSession();
  const { processInfo } = await debug.send('SystemInfo.getProcessInfo');
  await debug.detach();
  const sizes = processInfo
    .filter(({ type }) => type === 'renderer')
    .map(async ({ id }) => {
      const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
      return 1024 * Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
    });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

test('a hundred thousand texts: memory stays flat, and no task of the page is long', { skip: !FULL && 'SKIPPED: set STILLGLASS_FULL=1' }, async () => {
  const { page } = await site.open();
  await turnToMany(page);
  await drop(page, 'large.csv', csvOf(headlines(ROWS + 1)));
  await page.locator('#columns:not([hidden])').waitFor();
  // Dropping it by script copies the file through this page, which no reader does.
  await page.waitForTimeout(1000);
  await page.evaluate(() => {
    globalThis.long = [];
    globalThis.heap = [];
    new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => globalThis.long.push(duration))).observe({ type: 'longtask' });
    setInterval(() => globalThis.heap.push(performance.memory.usedJSHeapSize), 500);
  });
  const control = await recordTasks(page);
  await page.evaluate(() => new Promise((resolve) => setTimeout(() => {
    for (const from = performance.now(); performance.now() < from + 600; );
    resolve();
  })));
  assert.ok((await control()).length > 0, 'what takes long is recorded');
  await page.evaluate(() => globalThis.long.splice(0));
  const tasks = await recordTasks(page);
  await page.locator('#start').click();
  await page.waitForFunction(() => Number(document.querySelector('#read-figures').textContent.split(' ')[0].replaceAll(',', '')) > 10_000);
  const early = await resident(page);
  const sizes = [];
  const timer = setInterval(() => void resident(page).then((size) => sizes.push(size)), 1000);
  await done(page);
  clearInterval(timer);
  await drawnRows(page);
  for (const name of ['Score', 'Label', 'Row']) {
    await page.locator('.sort', { hasText: name }).click();
    await drawnRows(page);
  }
  for (let at = 1; at <= 20; at++) {
    await page.locator('#rows-scroller').evaluate((scroller, share) => (scroller.scrollTop = scroller.scrollHeight * share), at / 20);
    await page.waitForTimeout(100);
  }
  const { long, heap } = await page.evaluate(() => ({ long: globalThis.long, heap: globalThis.heap }));
  const title = await page.locator('#results-title').textContent();
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  const growth = { heap: Math.max(...heap) - heap[0], resident: Math.max(...sizes) - early };
  const busy = await tasks();
  console.log(`${title}; tasks over ${LONGEST_TASK} ms: [${long.map(Math.round).join()}], by processor time [${busy.map(Math.round).join()}]`);
  console.log(`page heap ${megabytes(Math.min(...heap))} to ${megabytes(Math.max(...heap))}; resident ${megabytes(early)} at 10,000 rows, at most ${megabytes(Math.max(...sizes))}`);
  assert.match(title, /^100,000 texts/);
  assert.match(await page.locator('#notes').textContent(), /only the first 100,000 were read/);
  assert.ok(growth.heap < GROWTH.heap, `the page's heap grew by ${megabytes(growth.heap)}`);
  assert.ok(growth.resident < GROWTH.resident, `its process grew by ${megabytes(growth.resident)}`);
  assert.deepEqual(busy, [], 'no task takes so much of the processor');
  const rate = Number(/\(([\d,]+) a second\)/.exec(title)[1].replaceAll(',', ''));
  if (rate >= CALM) assert.deepEqual(long, []);
  else console.log(`SKIPPED: tasks by the clock, for the machine was busy (${rate} texts a second, ${CALM} wanted)`);
});
