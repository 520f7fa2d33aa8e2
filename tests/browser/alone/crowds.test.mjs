/** A thousand calls at once, and models freed at random moments: nothing hangs, nothing is kept. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FULL } from '../browser.mjs';
import { TOO_SLOW, alike, imitatedGpu } from '../imitated.mjs';

const CALLS = 1_000;
/** Models that share the calls: the first answers all of its own, the others are freed at moments of theirs. */
const MODELS = 3;
const ROUNDS = FULL ? 5 : 3;
/** Milliseconds in which every call must have ended: far above what they take, far below a hang. */
const PATIENCE = 120_000;

const imitated = imitatedGpu();

/** In the page, before anything else: counts buffers on devices that live; and a clock that tests move on. */
function countBuffers() {
  const live = new Map();
  const { createBuffer, destroy } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (...args) {
    live.set(this, (live.get(this) ?? 0) + 1);
    return createBuffer.apply(this, args);
  };
  // Its memory goes with it.
  GPUDevice.prototype.destroy = function () {
    live.delete(this);
    return destroy.call(this);
  };
  let passed = 0;
  performance.now = () => globalThis.clock() + passed;
  globalThis.passTime = (milliseconds) => (passed += milliseconds);
  globalThis.liveBuffers = () => [...live.values()].reduce((sum, count) => sum + count, 0);
  globalThis.liveDevices = () => live.size;
}

/** In the page: a model that is on the GPU; one on the CPU, if a busy machine takes too long. */
async function warmed() {
  const model = await globalThis.load('student');
  for (let time = 0; time < 4; time++) {
    const [{ backend }] = await model.run(['x'], { backend: 'gpu' });
    if (backend === 'gpu') break;
    globalThis.passTime(1e6);
  }
  return model;
}

/** In the page: calls of all backends at once, and models freed meanwhile; how they ended, and what is left. */
async function crowd([calls, models, seed]) {
  // Lehmer's generator.
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const texts = ['orders grew but margins fell', 'x', 'the stock rose and fell and rose', ''];
  const [first] = (globalThis.kept ??= [await globalThis.warmed()]);
  // On the GPU one, the other has never asked for it.
  const made = [first, await globalThis.warmed(), ...(await Promise.all(Array.from({ length: models - 2 }, () => globalThis.load('student'))))];
  const wanted = first.classifyAll(texts);
  const tally = { cpu: 0, gpu: 0, freed: 0, other: [], reasons: {} };
  const answers = [];
  const from = globalThis.clock();
  const ends = Array.from({ length: calls }, (_, index) => {
    const at = Math.floor(random() * texts.length);
    const on = index % models;
    const backend = on < 2 ? ['gpu', 'gpu', 'cpu', 'auto'][Math.floor(random() * 4)] : 'cpu';
    return made[on].run([texts[at]], { backend, explain: random() < 0.2 }).then(
      ([answer]) => {
        tally[answer.backend]++;
        if (answer.reason !== undefined) tally.reasons[answer.reason] = (tally.reasons[answer.reason] ?? 0) + 1;
        answers.push({ answer: { label: answer.label, scores: answer.scores }, at });
      },
      (error) => (error.code === 'freed' ? tally.freed++ : tally.other.push(String(error))),
    );
  });
  const goes = made.slice(1).map(async (model) => {
    await new Promise((resolve) => setTimeout(resolve, random() * 300));
    model.free();
  });
  await Promise.all([...ends, ...goes]);
  const ms = globalThis.clock() - from;
  // What a call had in hand goes when its promise has been dealt with.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const left = { buffers: globalThis.liveBuffers(), devices: globalThis.liveDevices(), memory: globalThis.memoryBytes() };
  return { tally, answers, wanted, ms, left };
}

test(`${CALLS} calls at once, and models freed at random: no hang, no leak`, { timeout: 1_200_000 }, async (context) => {
  const page = await imitated.open(countBuffers);
  await page.evaluate(`globalThis.warmed = ${warmed}`);
  const round = (seed) =>
    Promise.race([
      page.evaluate(crowd, [CALLS, MODELS, seed]),
      new Promise((_, reject) => setTimeout(() => reject(new Error(`calls hang after ${PATIENCE} ms`)), PATIENCE).unref()),
    ]);
  const rounds = [];
  for (let seed = 1; seed <= ROUNDS; seed++) rounds.push(await round(seed));
  for (const { tally, answers, wanted, ms, left } of rounds) {
    context.diagnostic(JSON.stringify({ ...tally, ms: Math.round(ms), ...left }));
    assert.deepEqual(tally.other, []);
    assert.equal(tally.cpu + tally.gpu + tally.freed, CALLS);
    for (const { answer, at } of answers) alike(answer, wanted[at]);
    assert.ok(tally.freed > 0, 'some were freed under their calls');
  }
  for (const { left } of rounds) assert.ok(left.devices <= 1, 'of models that were freed no device lives');
  // What is kept makes memory grow in every round; a hole that no model fits into, now and then.
  const grown = rounds.filter(({ left }, at) => left.memory > (rounds[at - 1]?.left.memory ?? Infinity)).length;
  assert.ok(grown <= ROUNDS / 2, `memory grew in ${grown} of ${ROUNDS - 1} rounds`);
  const kept = rounds.map(({ left }) => left.buffers);
  assert.ok(Math.max(...kept.slice(1)) <= Math.max(kept[0], 32), `buffers kept: ${kept}`);
  const { buffers, devices } = await page.evaluate(async () => {
    globalThis.kept[0].free();
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { buffers: globalThis.liveBuffers(), devices: globalThis.liveDevices() };
  });
  assert.deepEqual([buffers, devices], [0, 0], 'the last model was freed');
  if (rounds.every(({ tally }) => tally.gpu === 0)) return context.skip(TOO_SLOW);
});
