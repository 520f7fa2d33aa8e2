/** The package in a Chromium whose GPU the CPU imitates. */

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, afterEach, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, SOFTWARE_GPU } from './browser.mjs';
import { madeUp } from './made-up.mjs';
import { servePackage } from './site.mjs';

const STUDENT = fileURLToPath(new URL('../../web/models/finance.glass', import.meta.url));
/** What a call may take beyond what the CPU takes for it, in milliseconds. */
const SOON = 2_000;
/** Tries for what is to come in time: a busy machine is late now and then, what hangs is late always. */
const TRIES = 3;
/** What a probability may differ by between GPU and CPU. */
export const PROBABILITY = 1e-3;
/** Said aloud where a busy machine is too slow for the GPU that it imitates. */
export const TOO_SLOW = 'SKIPPED: the software GPU was not ready in time';

/**
 * Starts site and browser around a file's tests, `student` and `teacher` and the further bundles among
 * the site's files, and returns what opens the package's page.
 */
export function imitatedGpu({ switches = [], files = {} } = {}) {
  let bundles;
  let site;
  let browser;
  let page;
  const complaints = [];
  before(async () => {
    bundles = await madeUp();
    const own = { '/student.glass': STUDENT, '/teacher.glass': path.join(bundles.folder, 'teacher.glass') };
    site = await servePackage({ ...own, ...files });
    browser = await launch([...SOFTWARE_GPU, ...switches]);
    await startGpu(browser, site.address);
  });
  afterEach(async () => {
    await page?.close();
    assert.deepEqual(complaints.splice(0), [], 'errors of the page');
  });
  after(async () => {
    await browser?.close();
    await site?.stop();
    await bundles?.remove();
  });
  return {
    /** `stub` runs in the page before anything else. */
    async open(stub = () => undefined) {
      page = await browser.newPage();
      page.on('pageerror', (error) => complaints.push(String(error)));
      await page.addInitScript(keep);
      await page.addInitScript(stub);
      await page.goto(site.address);
      await page.evaluate(prepare);
      return page;
    },
    browser: () => browser,
  };
}

/** Starts the process that imitates a GPU: a busy machine takes longer for that than a call waits. */
async function startGpu(browser, address) {
  const page = await browser.newPage();
  await page.goto(address);
  await page.evaluate(async () => (await (await navigator.gpu.requestAdapter())?.requestDevice())?.destroy());
  await page.close();
}

/** In the page: what tests share. */
async function prepare() {
  const { Model, memoryBytes, start } = await import('/pkg/dist/index.js');
  await start();
  Object.assign(globalThis, {
    Model,
    memoryBytes,
    load: (name) => Model.load(`/${name}.glass`),
    texts: ['orders grew but margins fell', 'x', 'the stock rose and fell and rose'],
    // An answer with the time it took, by a clock that no test changes.
    timed: async (model, options, texts = globalThis.texts) => {
      const from = globalThis.clock();
      const answers = await model.run(texts, options);
      return { answers, ms: globalThis.clock() - from };
    },
  });
}

/** In the page, before anything else: keeps its devices, so that tests can take them away, and its clock. */
function keep() {
  globalThis.clock = performance.now.bind(performance);
  globalThis.devices = [];
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...args) {
    const device = await request.apply(this, args);
    globalThis.devices.push(device);
    return device;
  };
}

/**
 * What `attempt` finds, tried anew while it came late: its `ms` far above those of `cpu`, the CPU's own answer,
 * and `more`. An attempt that finds nothing is not repeated.
 */
export async function inTime(attempt, about = '', more = 0) {
  const late = [];
  while (late.length < TRIES) {
    const found = await attempt();
    if (found === undefined || found.ms < found.cpu.ms * 2 + SOON + more) return found;
    late.push(`${Math.round(found.ms)} ms (the CPU alone ${Math.round(found.cpu.ms)} ms)`);
  }
  assert.fail(`${about} late ${TRIES} times: ${late.join(', ')}`);
}

/** The same labels, and probabilities as close as two kinds of arithmetic can be. */
export function alike(found, wanted, about = '') {
  assert.equal(found.label, wanted.label, about);
  for (const [label, score] of Object.entries(wanted.scores)) {
    const apart = Math.abs(found.scores[label] - score);
    assert.ok(apart <= PROBABILITY, `${about} ${label}: ${found.scores[label]}, not ${score}`);
  }
}
