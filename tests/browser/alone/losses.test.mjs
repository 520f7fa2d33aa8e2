/** A device destroyed at points all over a call: the same labels, in time, no memory kept, and the GPU tried again. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FULL } from '../browser.mjs';
import { TOO_SLOW, alike, imitatedGpu, inTime } from '../imitated.mjs';

/** Half of them while the model comes to the device, half while it answers. */
const POINTS = FULL ? 50 : 10;
const TIMES = FULL ? 20 : 1;
/** Tries at a point that a busy machine may not come to. */
const TRIES = 3;

const imitated = imitatedGpu();

/**
 * In the page, before anything else: what WebGPU is asked, counted, before and after each question and
 * after each answer; something may happen at one of these points. And a clock that stands still while a
 * call is under way, so that every call asks the same.
 */
function countPoints() {
  let seen = [];
  let wanted;
  const point = (name) => {
    seen.push(name);
    if (seen.length - 1 === wanted) globalThis.atPoint();
  };
  const classes = [GPU, GPUAdapter, GPUDevice, GPUQueue, GPUCommandEncoder, GPUComputePassEncoder, GPUBuffer];
  for (const { prototype } of classes) {
    for (const [name, { value: method }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof method !== 'function' || ['constructor', 'destroy'].includes(name)) continue;
      prototype[name] = function (...args) {
        point(`before ${name}`);
        const answer = method.apply(this, args);
        point(`after ${name}`);
        return answer instanceof Promise ? answer.finally(() => point(`answered ${name}`)) : answer;
      };
    }
  }
  globalThis.count = (at) => {
    seen = [];
    wanted = at;
  };
  globalThis.points = () => seen;
  let time = 0;
  performance.now = () => time;
  globalThis.passTime = (milliseconds) => (time += milliseconds);
}

/** In the page: a model, texts for several batches, and what the CPU makes of them. */
async function begin() {
  const words = ['orders', 'grew', 'but', 'margins', 'fell', 'and', 'the', 'stock', 'rose'];
  const text = (at) => Array.from({ length: 3 + (at % 14) }, (_, word) => words[(at * 5 + word * 7) % words.length]).join(' ');
  const texts = Array.from({ length: 200 }, (_, at) => text(at));
  const model = await globalThis.load('student');
  const cpu = await globalThis.timed(model, { explain: true, backend: 'cpu' }, texts);
  globalThis.call = () => globalThis.timed(model, { explain: true, backend: 'gpu' }, texts);
  let gpu;
  // A busy machine may take long to start what imitates a GPU.
  for (let time = 0; time < 4 && gpu?.answers[0].backend !== 'gpu'; time++) {
    globalThis.passTime(1e6);
    globalThis.count();
    gpu = await globalThis.call();
  }
  // What a call asks whose model is not on the device yet; then one whose model is.
  const names = globalThis.points();
  globalThis.count();
  await globalThis.call();
  return { cpu, gpu, names, warm: globalThis.points().length };
}

/** In the page: a call that makes its device, which is destroyed at one of the call's points. */
async function loseAt(at) {
  // Long after the rest that the last loss brought.
  globalThis.passTime(1e6);
  const devices = globalThis.devices.length;
  let lost;
  globalThis.atPoint = () => {
    lost = globalThis.clock();
    globalThis.devices.at(-1).destroy();
  };
  globalThis.count(at);
  const { answers } = await globalThis.call();
  const ms = globalThis.clock() - lost;
  return { answers, ms, made: globalThis.devices.length - devices, memory: globalThis.memoryBytes() };
}

/** A call lost at a point; nothing where a busy machine never came to the point. */
async function lostAt(page, at, cpu) {
  for (let time = 0; time < TRIES; time++) {
    const found = await page.evaluate(loseAt, at);
    if (!Number.isNaN(found.ms) || !/did not answer/.test(found.answers.at(-1).reason)) return { ...found, cpu };
  }
}

test(`a device destroyed at ${POINTS} points of a call, ${TIMES} times each`, { timeout: 7_200_000 }, async (context) => {
  const page = await imitated.open(countPoints);
  const { cpu, gpu, names, warm } = await page.evaluate(begin);
  if (gpu.answers[0].backend !== 'gpu') return context.skip(TOO_SLOW);
  // The next call finds the device gone; those after it make their own.
  await page.evaluate(() => {
    globalThis.devices.at(-1).destroy();
    return globalThis.call();
  });
  const all = names.length;
  const [first, middle] = [names.indexOf('answered requestDevice'), all - warm];
  const half = POINTS / 2;
  const spread = (from, to, count) => Array.from({ length: count }, (_, at) => from + Math.floor(((to - from) * at) / count));
  // Where a range of memory is taken away between two steps of one answer.
  const points = [...spread(first, middle, half), ...spread(middle, all - 2, half - 1), names.lastIndexOf('after getMappedRange')];
  const memories = [];
  const slowest = { ms: 0 };
  let reached = 0;
  for (let time = 0; time < TIMES; time++) {
    for (const at of points) {
      const about = `point ${at} of ${all}`;
      // What imitates a GPU compiles for a device that is gone too, and says nothing meanwhile.
      const found = await inTime(() => lostAt(page, at, cpu), about, at < middle ? gpu.ms : 0);
      if (found === undefined) continue;
      reached++;
      assert.equal(found.made, 1, `${about}: the GPU is tried again`);
      found.answers.forEach((answer, index) => {
        alike(answer, cpu.answers[index], about);
        assert.equal(answer.reason !== undefined, answer.backend === 'cpu', about);
      });
      assert.match(found.answers.at(-1).reason, /./, about);
      if (found.ms > slowest.ms) Object.assign(slowest, { ms: found.ms, at });
      memories.push(found.memory);
    }
  }
  context.diagnostic(`${reached} of ${POINTS * TIMES} calls lost; after a loss ${Math.round(slowest.ms)} ms at most, at point ${slowest.at} of ${all}, the CPU alone ${Math.round(cpu.ms)} ms`);
  if (reached < POINTS * TIMES * 0.8) return context.skip(TOO_SLOW);
  assert.equal(memories.at(-1), memories[2], 'WebAssembly memory');
});
