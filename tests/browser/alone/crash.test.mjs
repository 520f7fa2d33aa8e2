/** Chromium's GPU process killed under calls: each settles in time with the right labels, and the GPU is tried again. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FULL } from '../browser.mjs';
import { TOO_SLOW, alike, imitatedGpu, inTime } from '../imitated.mjs';

/** Milliseconds into a call, and how often each. */
const DELAYS = [0, 5, 40, 150];
const TIMES = FULL ? 10 : 1;

const imitated = imitatedGpu({
  // A browser that has seen a few crashes would go on without a GPU: a page then has none to lose.
  switches: ['--disable-gpu-process-crash-limit', '--disable-domain-blocking-for-3d-apis'],
});

/** In the page: a model whose rests are soon over, texts for several batches, and what the CPU makes of them. */
async function begin() {
  let passed = 0;
  performance.now = () => globalThis.clock() + passed;
  globalThis.passTime = (milliseconds) => (passed += milliseconds);
  const texts = Array.from({ length: 300 }, (_, at) => 'orders grew but margins fell and the stock rose '.repeat(1 + (at % 3)));
  const model = await globalThis.load('student');
  globalThis.alone = () => globalThis.timed(model, { explain: true, backend: 'cpu' }, texts);
  globalThis.call = (some = texts) => globalThis.timed(model, { explain: true, backend: 'gpu' }, some);
  return globalThis.alone();
}

/** In the page: the GPU asked again, longer after a loss than any rest; how often until it answered. */
async function again() {
  for (let time = 1; time <= 10; time++) {
    globalThis.passTime(1e6);
    const { answers } = await globalThis.call(['x']);
    if (answers[0].backend === 'gpu') return time;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** The process that Chromium talks to its GPU in. */
async function gpuProcess(devtools) {
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
  return processInfo.find(({ type }) => type === 'GPU')?.id;
}

test('the GPU process killed at many moments: the same labels, in time, and the GPU again', { timeout: 1_800_000 }, async (context) => {
  const page = await imitated.open();
  const devtools = await imitated.browser().newBrowserCDPSession();
  const cpu = await page.evaluate(begin);
  if ((await page.evaluate(again)) === undefined) return context.skip(TOO_SLOW);
  const killed = new Set();
  const killUnderCall = async (delay) => {
    const call = page.evaluate(() => globalThis.call());
    await new Promise((resolve) => setTimeout(resolve, delay));
    const id = await gpuProcess(devtools);
    const from = performance.now();
    process.kill(id, 'SIGKILL');
    killed.add(id);
    const { answers } = await call;
    const ms = performance.now() - from;
    // As busy as the machine is now.
    return { answers, ms, cpu: await page.evaluate(() => globalThis.alone()) };
  };
  let slowest = 0;
  let fell = 0;
  for (let time = 0; time < TIMES; time++) {
    for (const delay of DELAYS) {
      const about = `after ${delay} ms`;
      const { answers, ms } = await inTime(
        async () => {
          assert.notEqual(await page.evaluate(again), undefined, `${about}: the GPU is tried again, and answers`);
          return killUnderCall(delay);
        },
        about,
      );
      slowest = Math.max(slowest, ms);
      answers.forEach((answer, at) => {
        alike(answer, cpu.answers[at], about);
        assert.equal(answer.reason !== undefined, answer.backend === 'cpu', about);
      });
      fell += answers.some(({ backend }) => backend === 'cpu');
      // The next call finds it gone, or has it already.
      const { answers: next } = await page.evaluate(() => globalThis.call(['x', 'orders grew']));
      assert.equal(next.length, 2);
    }
  }
  context.diagnostic(`${killed.size} processes killed, ${fell} under a call; ${Math.round(slowest)} ms at most, the CPU alone ${Math.round(cpu.ms)} ms`);
  assert.notEqual(await page.evaluate(again), undefined, 'after the last, too, the GPU is tried again');
  assert.ok(killed.size >= DELAYS.length * TIMES, 'each time another process');
  assert.ok(fell > 0, 'one died under a call');
});
