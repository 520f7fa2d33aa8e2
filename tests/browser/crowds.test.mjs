/** A thousand calls at once, and models freed at random moments: nothing hangs, nothing is kept. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TOO_SLOW, alike, imitatedGpu } from './imitated.mjs';

const CALLS = 1_000;
/** Models that share the calls; each is freed at a moment of its own. */
const MODELS = 5;
/** Milliseconds in which every call must have ended: far above what they take, far below a hang. */
const PATIENCE = 120_000;

const imitated = imitatedGpu();

/** In the page, before anything else: counts buffers that live, on devices that live. */
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
  globalThis.liveBuffers = () => [...live.values()].reduce((sum, count) => sum + count, 0);
  globalThis.liveDevices = () => live.size;
}

/** In the page: calls of all backends at once, and models freed meanwhile; how they ended, and what is left. */
async function crowd([calls, models, seed]) {
  // Lehmer's generator.
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const texts = ['orders grew but margins fell', 'x', 'the stock rose and fell and rose', ''];
  const bytes = new Uint8Array(await (await fetch('/student.glass')).arrayBuffer());
  const made = Array.from({ length: models }, () => new globalThis.Model(bytes));
  const wanted = made[0].classifyAll(texts);
  const tally = { cpu: 0, gpu: 0, freed: 0, other: [] };
  const answers = [];
  const from = globalThis.clock();
  const ends = Array.from({ length: calls }, (_, index) => {
    const at = Math.floor(random() * texts.length);
    const backend = ['gpu', 'gpu', 'cpu', 'auto'][Math.floor(random() * 4)];
    return made[index % models].run([texts[at]], { backend, explain: random() < 0.2 }).then(
      ([answer]) => {
        tally[answer.backend]++;
        answers.push({ answer: { label: answer.label, scores: answer.scores }, at });
      },
      (error) => (error.code === 'freed' ? tally.freed++ : tally.other.push(String(error))),
    );
  });
  // The first keeps what it has until all are answered; the others go at some moment, some at once.
  const goes = made.slice(1).map(async (model, index) => {
    await new Promise((resolve) => setTimeout(resolve, index === 0 ? 0 : random() * 4_000));
    model.free();
  });
  await Promise.all([...ends, ...goes]);
  const ms = globalThis.clock() - from;
  const [buffers, devices] = [globalThis.liveBuffers(), globalThis.liveDevices()];
  made[0].free();
  // What a call had in hand goes when its promise has been dealt with.
  await new Promise((resolve) => setTimeout(resolve, 50));
  return { tally, answers, wanted, ms, buffers, devices, left: globalThis.liveBuffers(), memory: globalThis.memoryBytes() };
}

test(`${CALLS} calls at once, and models freed at random: no hang, no leak`, { timeout: 1_200_000 }, async (context) => {
  const page = await imitated.open(countBuffers);
  const round = (seed) =>
    Promise.race([
      page.evaluate(crowd, [CALLS, MODELS, seed]),
      new Promise((_, reject) => setTimeout(() => reject(new Error(`calls hang after ${PATIENCE} ms`)), PATIENCE).unref()),
    ]);
  const rounds = [await round(1), await round(2), await round(1)];
  for (const { tally, answers, wanted, ms, buffers, devices, left, memory } of rounds) {
    context.diagnostic(JSON.stringify({ ...tally, ms: Math.round(ms), buffers, devices, left, memory }));
    assert.deepEqual(tally.other, []);
    assert.equal(tally.cpu + tally.gpu + tally.freed, CALLS);
    for (const { answer, at } of answers) alike(answer, wanted[at]);
    assert.equal(left, 0, 'buffers on the GPU');
    assert.ok(tally.freed > 0, 'some were freed under their calls');
  }
  assert.equal(rounds[2].memory, rounds[1].memory, 'WebAssembly memory');
  if (rounds.every(({ tally }) => tally.gpu === 0)) return context.skip(TOO_SLOW);
});
